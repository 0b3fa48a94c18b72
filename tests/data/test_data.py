"""`fettle data`, the prepare and train steps on the committed sample, and the model folder in the real mlflow client."""
import json
import os
import pathlib
import shutil
import subprocess

import mlflow
import numpy
import pandas
import pytest
import xgboost

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "flights"
SAMPLE = EXAMPLE / "sample" / "flights-sample.parquet"
FEATURES = ["hour", "weekday", "distance", "origin", "destination"]


def fettle(*arguments, cwd, code=0):
    done = subprocess.run(["fettle", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def fettle_json(*arguments, cwd, code=0):
    return json.loads(fettle(*arguments, "--json", cwd=cwd, code=code).stdout)


def make_project(folder):
    folder.mkdir()
    for name in ("fettle.yaml", "schema.yaml"):
        shutil.copy(EXAMPLE / name, folder)
    (folder / "data" / "flights").mkdir(parents=True)
    shutil.copy(SAMPLE, folder / "data" / "flights")
    return folder


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "flights")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project whose model is trained on January to March of the sample."""
    folder = make_project(tmp_path_factory.mktemp("trained") / "flights")
    fettle("pipeline", "run", "train", "--no-record", "--set", "rounds=40", cwd=folder)
    return folder


def flip_a_bit(path, at):
    """One bit, with the time stamp put back, as a failing disk does it."""
    before = path.stat()
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# --- snapshots ---

def test_a_snapshot_is_named_by_its_content_and_adding_again_reads_nothing(project):
    os.utime(project / "data" / "flights" / SAMPLE.name, (1e9, 1e9))
    first = fettle_json("data", "add", "flights", cwd=project)
    assert not first["unchanged"] and first["new_files"] == 1 and first["hashed"] == 1
    again = fettle_json("data", "add", "flights", cwd=project)
    assert again["unchanged"] and again["hashed"] == 0
    assert again["snapshot"]["digest"] == first["snapshot"]["digest"]
    listed = fettle_json("data", "list", cwd=project)["data"]
    assert [(one["name"], one["digest"], one["files"]) for one in listed] == [
        ("flights", first["snapshot"]["digest"], 1)]
    shown = fettle_json("data", "show", "flights", first["snapshot"]["digest"][:6], cwd=project)
    assert shown["files"][0]["path"] == SAMPLE.name
    assert fettle_json("data", "verify", cwd=project)["damages"] == []


def test_verify_finds_one_flipped_bit_and_checkout_mends_it(project):
    fettle("data", "add", "flights", cwd=project)
    file = project / "data" / "flights" / SAMPLE.name
    flip_a_bit(file, 123_456)
    found = fettle("data", "verify", "flights", cwd=project, code=exit_code("data_loss"))
    assert SAMPLE.name in found.stdout and "damaged" in found.stdout
    fettle("data", "checkout", "flights", cwd=project)
    assert file.read_bytes() == SAMPLE.read_bytes()
    fettle("data", "verify", "flights", cwd=project)


def test_verify_finds_a_flipped_bit_in_the_store(project):
    digest = fettle_json("data", "add", "flights", cwd=project)["snapshot"]["files"][0]["digest"]
    flip_a_bit(project / ".fettle" / "blobs" / digest[:2] / digest[2:], 99)
    found = fettle_json("data", "verify", cwd=project, code=exit_code("data_loss"))  # one document, whatever happens
    assert [damage["digest"] for damage in found["damages"]] == [digest]
    assert found["error"]["code"] == "data_loss"


def test_diff_names_what_changed(project):
    fettle("data", "add", "flights", cwd=project)
    (project / "data" / "flights" / "more.csv").write_text("a\n1\n")
    fettle("data", "add", "flights", cwd=project)
    assert fettle_json("data", "diff", "flights", cwd=project)["files"] == [{"change": "added", "path": "more.csv"}]


def test_wrong_words_get_a_hint_and_leave_nothing(project):
    assert "did you mean 'flights'" in fettle("data", "add", "flight", cwd=project, code=exit_code("not_found")).stderr
    fettle("data", "add", "flights", "nowhere", cwd=project, code=exit_code("not_found"))
    assert fettle_json("data", "list", cwd=project)["data"] == []
    shown = fettle_json("data", "show", "flights", cwd=project, code=exit_code("not_found"))
    assert shown["error"]["code"] == "not_found"


def exit_code(name):
    return {"invalid_argument": 2, "not_found": 3, "failed_precondition": 5, "data_loss": 12}[name]


# --- prepare ---

def test_prepare_splits_by_time_as_pandas_does(trained):
    flights = pandas.read_parquet(SAMPLE)
    flights = flights[(flights.delay >= -120) & (flights.delay <= 1440)]
    for name, start, end in (("train", "2001-01-01", "2001-03-25"), ("valid", "2001-03-25", "2001-04-01")):
        want = flights[(flights.date >= start) & (flights.date < end)].reset_index(drop=True)
        got = pandas.read_parquet(trained / "work" / f"{name}.parquet")
        assert list(got.columns) == ["date", *FEATURES, "late"]
        assert (got.date.dt.tz_localize(None).to_numpy() == want.date.to_numpy()).all()
        assert (got.hour.to_numpy() == want.date.dt.hour.to_numpy()).all()
        assert (got.weekday.to_numpy() == want.date.dt.day_of_week.to_numpy()).all()
        assert (got.late.to_numpy() == (want.delay >= 15).to_numpy()).all()
        assert (got.origin.astype(str).to_numpy() == want.origin.to_numpy()).all()
        assert (got.distance.to_numpy() == want.distance.to_numpy()).all()


def test_a_cut_file_is_named_and_nothing_is_written(project):
    file = project / "data" / "flights" / SAMPLE.name
    file.write_bytes(SAMPLE.read_bytes()[:500_000])
    done = fettle("pipeline", "run", "prepare", "--no-record", cwd=project, code=exit_code("data_loss"))
    assert SAMPLE.name in done.stderr and "damaged or cut" in done.stderr
    assert not list((project / "work").glob("*.parquet"))


def test_a_missing_column_is_named(project):
    flights = pandas.read_parquet(SAMPLE).rename(columns={"delay": "delays"})
    flights.to_parquet(project / "data" / "flights" / SAMPLE.name)
    done = fettle("pipeline", "run", "prepare", "--no-record", cwd=project, code=exit_code("not_found"))
    assert "'delay'" in done.stderr and "did you mean 'delays'" in done.stderr


def test_data_that_break_the_schema_stop_the_pipeline(project):
    flights = pandas.read_parquet(SAMPLE)
    flights.loc[flights.origin == "ATL", "distance"] *= 10
    flights.to_parquet(project / "data" / "flights" / SAMPLE.name)
    done = fettle("pipeline", "run", "prepare", "--no-record", cwd=project, code=exit_code("failed_precondition"))
    assert "column 'distance', rule 'max'" in done.stderr


def test_a_misspelt_key_of_a_step_is_named(project):
    text = (project / "fettle.yaml").read_text()
    (project / "fettle.yaml").write_text(text.replace("learning_rate: 0.1", "lerning_rate: 0.1"))
    done = fettle("pipeline", "run", "train", "--no-record", cwd=project, code=exit_code("invalid_argument"))
    assert "did you mean 'learning_rate'" in done.stderr


# --- the model folder in mlflow ---

def valid_rows(folder):
    return pandas.read_parquet(folder / "work" / "valid.parquet").astype({"origin": str, "destination": str})


def scores_of_booster(booster, rows, signature):
    columns = []
    for column in signature["inputs"]:
        values = rows[column["name"]]
        if column["kind"] == "category":
            values = values.map({text: code for code, text in enumerate(column["categories"])})
        columns.append(values.astype("float32"))
    matrix = xgboost.DMatrix(numpy.column_stack(columns), feature_names=booster.feature_names,
                             feature_types=booster.feature_types, enable_categorical=True)
    return booster.predict(matrix)


def test_mlflow_loads_both_flavours_and_they_agree(trained):
    folder = trained / "work" / "model"
    rows = valid_rows(trained)
    model = mlflow.pyfunc.load_model(str(folder))
    assert [column.name for column in model.metadata.signature.inputs.inputs] == FEATURES
    scores = model.predict(rows[FEATURES])
    assert scores.shape == (len(rows),) and 0 < scores.min() < scores.max() < 1
    booster = mlflow.xgboost.load_model(str(folder))
    assert booster.feature_names == FEATURES and booster.num_boosted_rounds() == 40
    assert booster.feature_types == ["int", "int", "int", "c", "c"]
    signature = json.loads((folder / "signature.json").read_text())
    numpy.testing.assert_array_equal(scores, scores_of_booster(booster, rows, signature))


def test_the_model_is_as_good_as_one_that_python_trains(trained):
    """Same data, same parameters, trained by the xgboost package: nearly the same scores."""
    train = pandas.read_parquet(trained / "work" / "train.parquet").astype({"origin": str, "destination": str})
    rows = valid_rows(trained)
    folder = trained / "work" / "model"
    signature = json.loads((folder / "signature.json").read_text())
    for column in signature["inputs"]:
        if column["kind"] == "category":
            assert column["categories"] == sorted(train[column["name"]].unique())
            for table in (train, rows):
                table[column["name"]] = pandas.Categorical(table[column["name"]], categories=column["categories"])
    theirs = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "tree_method": "hist", "seed": 1},
        xgboost.QuantileDMatrix(train[FEATURES], label=train.late, enable_categorical=True), num_boost_round=40)
    want = theirs.predict(xgboost.DMatrix(rows[FEATURES], enable_categorical=True))
    got = mlflow.pyfunc.load_model(str(folder)).predict(valid_rows(trained)[FEATURES])
    loss = [-numpy.mean(numpy.where(rows.late == 1, numpy.log(p), numpy.log1p(-p))) for p in (got, want)]
    constant = rows.late.mean()
    assert loss[0] < -constant * numpy.log(constant) - (1 - constant) * numpy.log1p(-constant)
    assert abs(loss[0] - loss[1]) < 0.003
    assert numpy.corrcoef(got, want)[0, 1] > 0.9


def test_an_unknown_category_scores_as_missing(trained):
    model = mlflow.pyfunc.load_model(str(trained / "work" / "model"))
    row = valid_rows(trained)[FEATURES].head(2).assign(origin=["ZZZ", "ORD"])
    booster = mlflow.xgboost.load_model(str(trained / "work" / "model"))
    scores = model.predict(row)
    signature = json.loads((trained / "work" / "model" / "signature.json").read_text())
    numpy.testing.assert_array_equal(scores, scores_of_booster(booster, row, signature))


def test_mlflow_refuses_a_text_for_a_number(trained):
    model = mlflow.pyfunc.load_model(str(trained / "work" / "model"))
    rows = valid_rows(trained)[FEATURES].head(2).assign(hour=["ten", "eleven"])
    with pytest.raises(mlflow.exceptions.MlflowException, match="hour"):
        model.predict(rows)


def test_missing_labels_stop_training(project):
    fettle("pipeline", "run", "prepare", "--no-record", cwd=project)
    text = (project / "fettle.yaml").read_text()
    (project / "fettle.yaml").write_text(
        text.replace("filter:\n        delay: {min: -120, max: 1440}", "filter:\n        delay: {keep_missing: true}"))
    (project / "schema.yaml").write_text("columns:\n  delay: {kind: int, nullable: true}\n")
    flights = pandas.read_parquet(SAMPLE)
    flights["delay"] = flights["delay"].astype("Int64")
    flights.loc[10, "delay"] = pandas.NA
    flights.to_parquet(project / "data" / "flights" / SAMPLE.name)
    done = fettle("pipeline", "run", "train", "--no-record", cwd=project, code=exit_code("invalid_argument"))
    assert "the label 'late' is missing in row 10" in done.stderr
    assert not (project / "work" / "model").exists()
