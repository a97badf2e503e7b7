"""A phantom stays a phantom, and what nobody has called real is not: on every way."""

import json
import shutil

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from coursework.record import check
from coursework.results import Results
from cxrbase.files import InputError
from cxrbase.grounds import GROUNDS, one_ground, source_ground
from cxrlib import plots
from cxrlib.data.columns import complete, ground_of
from cxrlib.data.prepare import prepare, read_manifest
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrlib.systems.reports.train import describe_origin
from cxrphantom.dataset import write_phantom


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    out = tmp_path_factory.mktemp("grounds") / "phantom"
    return write_phantom(out, studies=8, seed=1, size=32, processes=1, progress=False)


@pytest.fixture(scope="module")
def kept(phantom):
    return funnel(load_studies(find_dataset(phantom)))[0]


def of(studies, out):
    """The ground that a model is told, and the source in the manifest."""
    prepare(studies, out, size=32, processes=1, progress=False)
    origin = describe_origin(out, "impression")
    source = read_manifest(out)["source"]
    assert origin["ground"] == source["ground"] == source_ground(source)
    assert GROUNDS[origin["ground"]] in origin["trained_on"]
    return source


def bare(studies):
    """The same images and texts in a table that somebody made by hand."""
    names = ["uid", "frontal", "lateral", "impression"]
    return pd.DataFrame(studies[names].to_dict("list"))


def merged(kept, folder):
    return kept.merge(pd.DataFrame({"uid": kept.uid, "age": 50}), on="uid")


def saved(kept, folder):
    prepare(kept, folder / "saved", size=32, processes=1, progress=False)
    table = pd.read_csv(folder / "saved" / "studies.csv")
    assert table.uid.dtype != object  # A CSV has made numbers of them.
    return table


def strings(kept, folder):
    saved(kept, folder)
    return pd.read_csv(folder / "saved" / "studies.csv", dtype=str)


def records(kept, folder):
    return pd.DataFrame(kept.to_dict("records"))


@pytest.mark.parametrize("way", [merged, saved, strings, records])
def test_a_phantom_stays_a_phantom(way, kept, phantom, tmp_path):
    table = way(kept, tmp_path)
    assert not table.attrs
    again, steps = funnel(table)
    assert len(again) == len(kept) and list(steps.step)[2] == "indexed"
    source = of(again, tmp_path / "out")
    assert source["ground"] == "phantom" and source["is_phantom"] is True
    assert source["kind"] == "indiana" and source["root"] == str(phantom)
    assert source["phantom"]["seed"] == 1
    assert source["fingerprint"] == of(kept, tmp_path / "other")["fingerprint"]


def test_a_hand_made_table_is_unknown_until_it_says(kept, tmp_path, capsys):
    table = bare(kept)
    source = of(table, tmp_path / "out")
    assert source["ground"] == "unknown" and source["is_phantom"] is None
    said = capsys.readouterr().out
    assert "UNKNOWN GROUND" in said and "column `ground`" in said
    assert len(funnel(table)[0]) == len(table)
    named = of(table.assign(ground="drawn"), tmp_path / "out")
    assert named["ground"] == "drawn" and named["is_phantom"] is True
    with pytest.raises(InputError, match="ground 'moon' is not one of phantom"):
        prepare(table.assign(ground="moon"), tmp_path / "out")
    with pytest.raises(InputError, match="lack the column impression"):
        complete(table.drop(columns="impression"))


def test_a_mixture_is_refused_before_anything_is_written(kept, tmp_path):
    plain = bare(kept).assign(uid=[f"mine{i}" for i in range(len(kept))])
    real = plain.assign(ground="real")
    for others, counts in (
        (plain, f"{len(kept)} unknown"),
        (real, f"{len(kept)} real"),
    ):
        table = pd.concat([kept, others])
        assert len(funnel(table)[0]) == 2 * len(kept)
        with pytest.raises(InputError, match="several grounds") as error:
            prepare(table, tmp_path / "out")
        assert counts in str(error.value) and f"{len(kept)} phantom" in str(error.value)
    # To call all of them real does not help where the phantom's folder is still named.
    with pytest.raises(InputError, match="phantom: is a phantom, but the column"):
        prepare(table.assign(ground="real"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_csv_of_ones_own_is_real_unless_its_images_are_drawn(kept, phantom, tmp_path):
    table = kept.assign(report=kept.impression)
    for view in ("frontal", "lateral"):
        table[view] = [path.rsplit("/", 1)[1] for path in kept[view]]
    images = kept.frontal[0].rsplit("/", 1)[0]
    path = tmp_path / "mine.csv"
    table[["uid", "frontal", "lateral", "report"]].to_csv(path, index=False)
    assert ground_of(load_studies(find_dataset(path))) == "real"
    assert ground_of(load_studies(find_dataset(path, image_root=images))) == "phantom"
    table[["uid", "frontal", "lateral", "report", "ground"]].to_csv(path, index=False)
    assert ground_of(load_studies(find_dataset(path))) == "phantom"


def test_a_csv_above_a_phantom_is_drawn_row_by_row(kept, phantom, tmp_path):
    shutil.copytree(phantom, tmp_path / "mine" / "phantom")
    table = kept[["uid", "frontal", "lateral", "impression"]].copy()
    table = table.rename(columns={"impression": "report"})
    for view in ("frontal", "lateral"):
        table[view] = table[view].str.replace(f"{phantom}/", "phantom/")
    table.loc[table.index[0], ["frontal", "lateral"]] = "own.png"
    table.to_csv(tmp_path / "mine" / "studies.csv", index=False)
    studies = load_studies(find_dataset(tmp_path / "mine" / "studies.csv"))
    assert studies.ground.value_counts().to_dict() == {
        "phantom": len(table) - 1,
        "real": 1,
    }


def test_the_funnel_keeps_a_merged_csv(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "uid,frontal,lateral,report\n1,a.png,b.png,Clear.\n2,c.png,d.png,\n"
    )
    table = load_studies(find_dataset(path))
    for way in (
        table.merge(pd.DataFrame({"uid": ["1", "2"], "age": [4, 5]}), on="uid"),
        pd.concat([table, bare(table.assign(uid=["3", "4"]))]),
        pd.DataFrame(table.to_dict("records")),
    ):
        kept, steps = funnel(way)
        assert list(steps.step) == [
            "studies",
            "one frontal and one lateral",
            "has a report",
        ]
        assert list(steps["count"]) == [len(way), len(way), len(way) // 2] and len(kept)
    # Beside Indiana's, rows of a CSV are not asked for indexing.
    mixed = pd.concat([table, table.assign(kind="indiana")])
    assert list(funnel(mixed)[1]["count"]) == [4, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("source", "ground"),
    [
        ({"kind": "indiana", "is_phantom": False, "phantom": None}, "real"),
        ({"is_phantom": True, "phantom": {"texts": "grammar", "seed": 0}}, "phantom"),
        ({"is_phantom": True, "phantom": {"texts": "real report CSV x.csv"}}, "drawn"),
        ({"is_phantom": True, "phantom": None}, "phantom"),
        ({"kind": "unknown", "is_phantom": None}, "unknown"),  # Its attrs were lost.
        ({}, "unknown"),
        ({"ground": "real", "is_phantom": False}, "real"),
        ({"ground": "moon", "is_phantom": False}, "unknown"),
    ],
)
def test_manifests_old_and_new_name_their_ground(source, ground, kept, tmp_path):
    assert source_ground(source) == ground
    prepare(kept, tmp_path, size=32, processes=1, progress=False)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"source": source}))
    assert GROUNDS[ground] in describe_origin(tmp_path, "impression")["trained_on"]


def test_unknown_is_loud_on_figures_and_in_no_results(tmp_path):
    figure = plots.plot_roc([0, 1], [0.1, 0.9], ground="unknown")
    assert (
        figure.get_supxlabel() == GROUNDS["unknown"] and "UNKNOWN" in GROUNDS["unknown"]
    )
    plt.close("all")
    results = Results(tmp_path, "mine")
    with pytest.raises(InputError, match="column `ground`.*prepare"):
        results.dataset("unknown", {"test": 3})
    results.dataset("real", {"test": 3})
    record = json.loads(results.write().read_text())
    record["dataset"]["ground"] = "unknown"
    with pytest.raises(InputError, match="ground is not one of"):
        check(record)


def test_several_grounds_are_no_ground():
    assert one_ground(["real", "real"]) == "real"
    for odd in (["real", "phantom"], ["real", "?"], ["?"], []):
        assert one_ground(odd) == "unknown"
