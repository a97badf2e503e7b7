"""What is drawn on a phantom's films, as a table of labels."""

import pytest

from cxrbase.files import InputError
from cxrlib.models.chexnet import NIH_LABELS
from cxrphantom.findings import FINDINGS
from cxrphantom.labels import NIH_OF, drawn_labels, read_labelled_films


@pytest.fixture
def folder(tmp_path):
    """The tables of a phantom of three studies; no film is opened."""
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "truth.csv").write_text(
        "uid,finding,side\n1,calcified_granuloma,left\n1,edema,\n2,normal,\n"
        "3,scarring,right\n3,scarring,left\n"
    )
    (tmp_path / "indiana_projections.csv").write_text(
        "uid,filename,projection\n2,2_a.png,Frontal\n1,1_b.png,Lateral\n"
        "1,1_a.png,Frontal\n3,3_a.png,Frontal\n3,3_b.png,Frontal\n"
    )
    return tmp_path


def test_films_have_the_labels_of_what_is_drawn(folder):
    table = read_labelled_films(folder)
    assert list(table.uid) == ["1_a.png", "2_a.png", "3_a.png", "3_b.png"]
    assert list(table.patient) == ["1", "2", "3", "3"]
    assert table.image[0] == str(folder / "images/images_normalized/1_a.png")
    shown = {name: table[name].tolist() for name in drawn_labels() if table[name].any()}
    assert shown == {
        "Nodule": [1, 0, 0, 0],
        "Edema": [1, 0, 0, 0],
        "Fibrosis": [0, 0, 1, 1],
    }
    own = read_labelled_films(folder, "phantom")
    assert own["calcified_granuloma"].sum() == 1 and own["nodule"].sum() == 0
    assert list(read_labelled_films(folder, view="lateral").uid) == ["1_b.png"]


def test_vocabularies_hold_what_they_should():
    assert tuple(NIH_OF) == NIH_LABELS
    meant = [finding for findings in NIH_OF.values() for finding in findings]
    assert len(meant) == len(set(meant)) and set(meant) < set(FINDINGS)
    assert not {"Mass", "Pneumonia", "Pleural_Thickening"} & set(drawn_labels())
    assert drawn_labels("phantom") == tuple(FINDINGS)


def test_what_is_no_phantom_is_refused(folder):
    with pytest.raises(InputError, match="choose nih or phantom"):
        read_labelled_films(folder, "mimic")
    with pytest.raises(InputError, match="frontal or lateral"):
        read_labelled_films(folder, view="oblique")
    (folder / "truth" / "truth.csv").unlink()
    with pytest.raises(InputError, match="no such file"):
        read_labelled_films(folder)
