"""Small folders in the layouts of the public collections; every row is made up."""

import gzip
import json

import numpy as np

from cxrbase.images import write_png
from cxrscore.clinical.rules import OBSERVATIONS

# The order in which CheXpert's tables name the fourteen.
CHEXPERT = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity",
    "Lung Lesion", "Edema", "Consolidation", "Pneumonia", "Atelectasis",
    "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip
VINDR = (
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly",
    "Clavicle fracture", "Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD",
    "Infiltration", "Lung Opacity", "Lung cavity", "Lung cyst", "Mediastinal shift",
    "Nodule/Mass", "Pleural effusion", "Pleural thickening", "Pneumothorax",
    "Pulmonary fibrosis", "Rib fracture", "Other lesion", "COPD", "Lung tumor",
    "Pneumonia", "Tuberculosis", "Other diseases", "No finding",
)  # fmt: skip


def write(path, lines):
    """Write lines of text, packed where the name ends with `.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


def film(path):
    """A film: only its name counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(path).encode())


def cells(said, names=CHEXPERT, blank=""):
    """The cells of a row of labels, such as those of `{"Edema": "1.0"}`."""
    return ",".join(said.get(name, blank) for name in names)


def nih(root):
    """ChestX-ray14 with both lists of its split; one image is not there."""
    write(
        root / "Data_Entry_2017.csv",
        [
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,"
            "Patient Gender,View Position,OriginalImage[Width,Height],"
            "OriginalImagePixelSpacing[x,y]",
            "00000001_000.png,Cardiomegaly|Effusion,0,1,58,M,PA,2682,2749,0.143,0.143",
            "00000001_001.png,Mass,1,1,58,M,AP,2682,2749,0.143,0.143",
            "00000002_000.png,No Finding,0,2,81,F,PA,2500,2048,0.171,0.171",
            "00000003_000.png,Pleural_Thickening|Hernia,0,3,411,F,PA,2500,2048,0.1,0.1",
            "00000004_000.png,Nodule,0,4,33,F,PA,2500,2048,0.1,0.1",
        ],
    )
    write(root / "train_val_list.txt", ["00000001_000.png", "00000001_001.png"])
    write(root / "test_list.txt", [f"0000000{n}_000.png" for n in (2, 3, 4)])
    for name in ("00000001_000", "00000001_001", "00000002_000"):
        write_png(root / f"images_001/images/{name}.png", np.zeros((4, 4)))
    film(root / "images/00000003_000.png")


def chexpert(root, folder="CheXpert-v1.0-small"):
    """CheXpert: uncertain, blank and denied labels; one film is not there."""
    head = "Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(CHEXPERT)
    first = {"Cardiomegaly": "-1.0", "Edema": "0.0", "Pleural Effusion": "1.0"}
    p = f"{folder}/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,"
    q = f"{folder}/train/patient00001/study1/view2_lateral.jpg,Female,68,Lateral,,"
    r = f"{folder}/train/patient00002/study2/view1_frontal.jpg,Unknown,0,Frontal,LL,"
    s = f"{folder}/train/patient00003/study1/view1_frontal.jpg,Male,90,Frontal,PA,"
    none = cells({"No Finding": "1.0"})
    rows = [p + cells(first), q + cells(first), r + cells({}), s + none]
    write(root / "train.csv", [head, *rows])
    full = cells({"Edema": "1.0"}, blank="0.0")
    v = f"{folder}/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,"
    write(root / "valid.csv", [head, v + full])
    for row in (p, q, r, v):
        film(root / row.split(",")[0].removeprefix(f"{folder}/"))


def chexpert_plus(root):
    """CheXpert Plus: a report of several lines, PNG films, CheXbert's JSON lines."""
    write(
        root / "df_chexpert_plus_240401.csv",
        [
            "path_to_image,path_to_dcm,frontal_lateral,ap_pa,deid_patient_id,"
            "patient_report_date_order,report,section_narrative,section_findings,"
            "section_impression,age,sex,race,split",
            "train/patient00001/study1/view1_frontal.jpg,a.dcm,Frontal,AP,patient00001,"
            '1,"NARRATIVE: x","x","Heart is\nlarge, lungs clear.",1. Cardiomegaly.,'
            "68.0,Female,White,train",
            "valid/patient64541/study1/view1_frontal.jpg,b.dcm,Frontal,PA,patient64541,"
            "1,r,n,,No edema.,73.0,Male,White,valid",
        ],
    )
    for section, state in (("impression", 1.0), ("report", -1.0)):
        rows = [
            {"path_to_image": f"{path}/study1/view1_frontal.jpg"}
            | dict.fromkeys(OBSERVATIONS)
            | said
            for path, said in (
                ("train/patient00001", {"Cardiomegaly": state}),
                ("valid/patient64541", {"Edema": 0.0, "No Finding": 1.0}),
            )
        ]
        write(
            root / f"chexbert_labels/{section}_fixed.json",
            [json.dumps(r) for r in rows],
        )
    for name in ("train/patient00001", "valid/patient64541"):
        film(root / f"PNG/{name}/study1/view1_frontal.png")


MIMIC = (
    ("10000032", "50414267", "02aa804e-bde0afdd", "PA", "train"),
    ("10000032", "50414267", "174413ec-4ec4c1f7", "LATERAL", "train"),
    ("10000764", "57375967", "096052b7-d256dc40", "AP AXIAL", "validate"),
    ("10000898", "50771383", "2a280266-c8bae121", "LAO", "test"),
)


def mimic(root):
    """MIMIC-CXR-JPG, packed as on PhysioNet, with the tables of others beside it."""
    write(
        root / "mimic-cxr-2.0.0-metadata.csv.gz",
        [
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,"
            "ViewPosition,Rows,Columns,StudyDate,StudyTime",
            *(
                f'{dicom},{subject},{study},"CHEST (PA AND LAT)",{view},3056,2544,'
                "21800506,213014.531"
                for subject, study, dicom, view, _ in MIMIC
            ),
        ],
    )
    write(
        root / "mimic-cxr-2.0.0-split.csv.gz",
        [
            "dicom_id,study_id,subject_id,split",
            *(f"{dicom},{b},{a},{split}" for a, b, dicom, _, split in MIMIC),
        ],
    )
    for source, state in (("chexpert", "-1.0"), ("negbio", "1.0")):
        write(
            root / f"mimic-cxr-2.0.0-{source}.csv.gz",
            [
                "subject_id,study_id," + ",".join(sorted(CHEXPERT)),
                "10000032,50414267," + cells({"Edema": state}, sorted(CHEXPERT)),
                "10000764,57375967," + cells({"Fracture": "0.0"}, sorted(CHEXPERT)),
            ],
        )
    write(
        root / "mimic_cxr_sectioned.csv",
        [
            "study,impression,findings,last_paragraph,comparison",
            's50414267,No edema.,"Clear lungs,\nnormal heart.",,None.',
        ],
    )
    write(
        root / "hosp/patients.csv.gz",
        [
            "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod",
            "10000032,F,52,2180,2014 - 2016,2180-09-09",
            "10000764,M,86,2178,2014 - 2016,",
        ],
    )
    for subject, study, dicom, *_ in MIMIC:
        film(root / f"files/p{subject[:2]}/p{subject}/s{study}/{dicom}.jpg")


def vindr(root):
    """VinDr-CXR: three readers of two images, the consensus on a third."""
    head = "image_id,rad_id," + ",".join(VINDR)
    readings = (
        ("aa", "R1", {"Nodule/Mass": "1", "Pleural thickening": "1"}),
        ("aa", "R2", {"Lung tumor": "1", "Aortic enlargement": "1"}),
        ("aa", "R3", {"Aortic enlargement": "1"}),
        *(("bb", f"R{n}", {"No finding": "1"}) for n in (1, 2, 3)),
    )
    rows = [f"{a},{r},{cells(said, VINDR, '0')}" for a, r, said in readings]
    write(root / "annotations/image_labels_train.csv", [head, *rows])
    # In the table of the test set the name is another.
    head = "image_id," + ",".join(VINDR).replace("Other diseases", "Other disease")
    row = "cc," + cells({"Rib fracture": "1", "Other diseases": "1"}, VINDR, "0")
    write(root / "annotations/image_labels_test.csv", [head, row])
    for name in ("train/aa", "train/bb", "test/cc"):
        film(root / f"{name}.dicom")


def padchest(root):
    """PadChest: terms with stray blanks and empty strings, two kinds of folders."""
    head = (
        ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,"
        "PatientSex_DICOM,ViewPosition_DICOM,Projection,Report,MethodLabel,Labels"
    )
    rows = [
        "0,1_a.png,0,20140915,s1,p1,1930.0,F,POSTEROANTERIOR,PA,sin hallazg .,"
        "Physician,['normal']",
        "1,1_b.png,0,20140915,s1,p1,1930.0,F,LATERAL,L,sin hallazg .,"
        "Physician,['normal']",
        "2,2_a.png,54,20100101,s2,p2,1990.0,M,,AP_horizontal,derram .,RNN_model,"
        "\"['', 'subcutaneous emphysema', ' Pleural Effusion ', 'NSG tube']\"",
        "3,3_a.png,54,20100101,s3,p3,,None,,COSTAL,.,RNN_model,['unchanged']",
        "4,4_a.png,54,20100101,s4,p4,1990.0,M,,PA,.,RNN_model,\"['normal', 'nodule']\"",
    ]
    write(
        root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", [head, *rows]
    )
    for name in ("0/1_a.png", "0/1_b.png", "54/2_a.png", "3_a.png", "images/4_a.png"):
        film(root / name)


def indiana(root):
    """The Indiana collection in Kaggle's layout."""
    write(
        root / "indiana_reports.csv",
        [
            "uid,MeSH,Problems,image,indication,comparison,findings,impression",
            "1,normal,normal,PA and Lateral,,,Clear lungs.,Normal chest.",
            "2,Nodule/lung/upper lobe/right;Scoliosis,Nodule;Scoliosis,PA,,,"
            "Possible pneumonia.,Right nodule.",
            "3,No Indexing,No Indexing,PA,,,,",
        ],
    )
    films = (
        ("1", "1_IM-0001-4001.dcm.png", "Frontal"),
        ("1", "1_IM-0001-3001.dcm.png", "Lateral"),
        ("2", "2_IM-0652-1001.dcm.png", "Frontal"),
        ("3", "3_IM-1384-1001.dcm.png", "Frontal"),
    )
    rows = [",".join(row) for row in films]
    write(root / "indiana_projections.csv", ["uid,filename,projection", *rows])
    for _, name, _ in films:
        film(root / f"images/images_normalized/{name}")


MADE = {
    "nih": nih, "chexpert": chexpert, "chexpert_plus": chexpert_plus, "mimic": mimic,
    "vindr": vindr, "padchest": padchest, "indiana": indiana,
}  # fmt: skip
