"""Models made by the real libraries score as the libraries do, on rows that reach every corner of a split."""
import json
import pathlib
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FEATURES = 12
CATEGORIES = 40


def rows(n=3000, seed=1, missing=0.1, categories=False):
    """Rows of 32-bit values: ordinary, missing, zero, large and infinite ones."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = 0
    x[:, 3] = np.round(x[:, 3] * 3)
    x[:, 4] = (x[:, 4] * 1e6).astype(np.float32)
    if categories:
        x[:, 0] = rng.integers(0, CATEGORIES, n)
        x[:, 1] = rng.integers(0, 5, n)
    if missing:
        x[rng.random(x.shape) < missing] = np.nan
    return x


def signal(x, seed=2):
    z = np.nan_to_num(x.astype(np.float64), nan=0.3)
    noise = np.random.default_rng(seed).normal(size=len(x))
    return z[:, 2] * z[:, 5] + np.sin(z[:, 6]) + (z[:, 0] % 3) + 1e-6 * z[:, 4] * z[:, 7] + 0.3 * noise


def labels(kind, x):
    s = signal(x)
    if kind == "binary":
        return (s > np.median(s)).astype(int)
    if kind == "classes":
        return np.digitize(s, np.quantile(s, [0.3, 0.6]))
    if kind == "counts":
        return np.random.default_rng(3).poisson(np.exp(np.clip(s / 4, -3, 2)))
    if kind == "unit":
        return 1 / (1 + np.exp(-s))
    if kind == "targets":
        return np.column_stack([s, np.cos(s) + 3])
    return s * 10 + 500


def scores(folder, model, x, *options):
    data, out = folder / "rows.parquet", folder / "scores.parquet"
    pq.write_table(pa.table({f"f{i}": pa.array(x[:, i].astype(np.float64), from_pandas=False) for i in range(x.shape[1])}), data)
    subprocess.run(["fettle", "predict", str(model), str(data), str(out), *options], check=True, capture_output=True, timeout=120)
    table = pq.read_table(out)
    return np.column_stack([table.column(i).to_numpy() for i in range(table.num_columns)])


def same(ours, theirs):
    theirs = np.asarray(theirs, dtype=np.float64).reshape(ours.shape)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def same_shap(folder, model, x, theirs):
    """`theirs`: [rows, features + 1] or [rows, outputs, features + 1], in the units of the margin."""
    ours = scores(folder, model, x, "--explain")
    theirs = np.asarray(theirs, dtype=np.float64).reshape(len(x), -1)
    ours = ours[:, -theirs.shape[1]:]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1, np.abs(theirs).max()))


LIGHTGBM = {
    "binary": ("binary", {"objective": "binary"}),
    "binary-sigmoid": ("binary", {"objective": "binary", "sigmoid": 2.5}),
    "unbalanced": ("binary", {"objective": "binary", "is_unbalance": True}),
    "regression": ("plain", {"objective": "regression"}),
    "regression-sqrt": ("plain", {"objective": "regression", "reg_sqrt": True}),
    "l1": ("plain", {"objective": "regression_l1"}),
    "huber": ("plain", {"objective": "huber"}),
    "fair": ("plain", {"objective": "fair"}),
    "quantile": ("plain", {"objective": "quantile", "alpha": 0.8}),
    "mape": ("plain", {"objective": "mape"}),
    "poisson": ("counts", {"objective": "poisson"}),
    "tweedie": ("counts", {"objective": "tweedie"}),
    "gamma": ("unit", {"objective": "gamma"}),
    "cross-entropy": ("unit", {"objective": "cross_entropy"}),
    "cross-entropy-lambda": ("unit", {"objective": "cross_entropy_lambda"}),
    "multiclass": ("classes", {"objective": "multiclass", "num_class": 3}),
    "one-versus-all": ("classes", {"objective": "multiclassova", "num_class": 3}),
    "random-forest": ("binary", {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}),
    "dart": ("binary", {"objective": "binary", "boosting": "dart"}),
    "goss": ("binary", {"objective": "binary", "data_sample_strategy": "goss"}),
    "linear-leaves": ("plain", {"objective": "regression", "linear_tree": True}),
    "zero-is-missing": ("binary", {"objective": "binary", "zero_as_missing": True}),
    "nothing-is-missing": ("binary", {"objective": "binary", "use_missing": False}),
    "stumps": ("binary", {"objective": "binary", "num_leaves": 2}),
    "deep": ("plain", {"objective": "regression", "num_leaves": 255, "min_data_in_leaf": 2}),
    "many-bins": ("plain", {"objective": "regression", "max_bin": 1023, "min_data_in_bin": 1, "num_leaves": 63}),
    "one-leaf": ("binary", {"objective": "binary", "min_data_in_leaf": 5000}),
}


@pytest.mark.parametrize("name", LIGHTGBM)
@pytest.mark.parametrize("categories", [False, True], ids=["numeric", "categorical"])
def test_lightgbm(tmp_path, name, categories):
    if categories and name in ("linear-leaves", "zero-is-missing"):
        pytest.skip("LightGBM itself has no categories there")
    import lightgbm
    kind, params = LIGHTGBM[name]
    x = rows(categories=categories)
    data = lightgbm.Dataset(x, labels(kind, x), categorical_feature=[0, 1] if categories else [], free_raw_data=False)
    model = lightgbm.train({"verbosity": -1, "num_threads": 1, "seed": 1, "min_data_per_group": 5, **params}, data, 40)
    path = tmp_path / "model.txt"
    model.save_model(path)
    unseen = rows(seed=9, categories=categories)
    unseen[:40, 0] = CATEGORIES + 50
    unseen[40:60] = np.nan
    unseen[60:80] = np.inf
    unseen[80:100] = -np.inf
    unseen[100:120] = 0
    same(scores(tmp_path, path, unseen), model.predict(unseen.astype(np.float64)))
    if name != "linear-leaves":  # LightGBM has none either
        # The sigmoid's parameter scales our margin; LightGBM adds up the trees of a forest that it averages to score.
        unit = {"binary-sigmoid": 2.5, "random-forest": 1 / 40}.get(name, 1)
        same_shap(tmp_path, path, unseen[:200], unit * model.predict(unseen[:200].astype(np.float64), pred_contrib=True))


CATBOOST = {
    "logloss": ("binary", {"loss_function": "Logloss"}),
    "rmse": ("plain", {"loss_function": "RMSE"}),
    "mae": ("plain", {"loss_function": "MAE"}),
    "poisson": ("counts", {"loss_function": "Poisson"}),
    "multiclass": ("classes", {"loss_function": "MultiClass"}),
    "one-versus-all": ("classes", {"loss_function": "MultiClassOneVsAll"}),
    "depth-wise": ("binary", {"loss_function": "Logloss", "grow_policy": "Depthwise", "depth": 5}),
    "loss-guided": ("binary", {"loss_function": "Logloss", "grow_policy": "Lossguide", "max_leaves": 40, "depth": 12}),
    "missing-is-large": ("binary", {"loss_function": "Logloss", "nan_mode": "Max"}),
    "stumps": ("binary", {"loss_function": "Logloss", "depth": 1}),
    "deep": ("plain", {"loss_function": "RMSE", "depth": 10}),
}


@pytest.mark.parametrize("name", CATBOOST)
def test_catboost(tmp_path, name):
    import catboost
    kind, params = CATBOOST[name]
    x = rows()
    model = catboost.CatBoost({"iterations": 40, "verbose": False, "thread_count": 1, "allow_writing_files": False, "random_seed": 1, **params})
    model.fit(x, labels(kind, x))
    path = tmp_path / "model.json"
    model.save_model(str(path), format="json")
    unseen = rows(seed=9)
    unseen[40:60] = np.nan
    unseen[60:80] = np.inf
    unseen[80:100] = -np.inf
    how = {"binary": "Probability", "classes": "Probability", "counts": "Exponent"}.get(kind, "RawFormulaVal")
    theirs = np.asarray(model.predict(unseen, prediction_type=how))
    same(scores(tmp_path, path, unseen), theirs[:, 1] if kind == "binary" else theirs)
    if "grow_policy" not in params:
        same_shap(tmp_path, path, unseen[:200], model.get_feature_importance(catboost.Pool(unseen[:200]), type="ShapValues"))
    else:  # CatBoost's own values of such trees are not Shapley's, though they add up, too
        ours = scores(tmp_path, path, unseen[:200], "--explain")[:, 1:]
        np.testing.assert_allclose(ours.sum(axis=1), model.predict(unseen[:200], prediction_type="RawFormulaVal"), rtol=1e-5, atol=1e-5)


def test_catboost_with_categories_is_refused_with_a_way_on(tmp_path):
    import catboost
    x = rows(missing=0, categories=True).astype(object)
    x[:, 0] = [str(int(value)) for value in x[:, 0]]
    model = catboost.CatBoost({"iterations": 5, "verbose": False, "allow_writing_files": False, "loss_function": "Logloss"})
    model.fit(x, labels("binary", rows(missing=0, categories=True)), cat_features=[0])
    path = tmp_path / "model.json"
    model.save_model(str(path), format="json", pool=catboost.Pool(x, cat_features=[0]))
    pq.write_table(pa.table({"f0": [1.0]}), tmp_path / "rows.parquet")
    refused = subprocess.run(["fettle", "predict", str(path), str(tmp_path / "rows.parquet"), str(tmp_path / "out.csv"), "--json"], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "numeric features only" in json.loads(refused.stdout)["error"]["message"], refused.stdout


XGBOOST = {
    "logistic": ("binary", {"objective": "binary:logistic"}),
    "squared": ("plain", {"objective": "reg:squarederror"}),
    "poisson": ("counts", {"objective": "count:poisson"}),
    "softprob": ("classes", {"objective": "multi:softprob", "num_class": 3}),
    "dart": ("binary", {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.2}),
    "leaf-wise": ("binary", {"objective": "binary:logistic", "grow_policy": "lossguide", "max_leaves": 60, "max_depth": 0}),
    "exact": ("binary", {"objective": "binary:logistic", "tree_method": "exact"}),
    "stumps": ("binary", {"objective": "binary:logistic", "max_depth": 1}),
    "deep": ("plain", {"objective": "reg:squarederror", "max_depth": 12}),
    "two-targets": ("targets", {"objective": "reg:squarederror"}),
    "constant": ("binary", {"objective": "binary:logistic", "min_child_weight": 1e9}),
}


@pytest.mark.parametrize("name", XGBOOST)
@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize("categories", [False, True], ids=["numeric", "categorical"])
def test_xgboost(tmp_path, name, form, categories):
    import xgboost
    if categories and name == "exact":
        pytest.skip("XGBoost's exact method has no categories")
    kind, params = XGBOOST[name]
    x = rows(categories=categories)
    types = ["c" if categories and f < 2 else "float" for f in range(FEATURES)]
    matrix = lambda x, y=None: xgboost.DMatrix(x, y, feature_types=types, enable_categorical=True)
    model = xgboost.train({"nthread": 1, "seed": 1, "max_cat_to_onehot": 3, "max_depth": 6, **params}, matrix(x, labels(kind, x)), 40)
    path = tmp_path / f"model.{form}"
    model.save_model(path)
    unseen = rows(seed=9, categories=categories)
    unseen[40:60] = np.nan
    if not categories:
        unseen[60:80] = 3e38
        unseen[80:100] = -3e38
    same(scores(tmp_path, path, unseen), model.predict(matrix(unseen)))
    same_shap(tmp_path, path, unseen[:200], model.predict(matrix(unseen[:200]), pred_contribs=True))


def test_xgboost_with_several_values_a_leaf_is_refused_with_a_way_on(tmp_path):
    import xgboost
    x = rows()
    model = xgboost.train({"nthread": 1, "multi_strategy": "multi_output_tree", "tree_method": "hist"}, xgboost.DMatrix(x, labels("targets", x)), 3)
    model.save_model(tmp_path / "model.ubj")
    pq.write_table(pa.table({"f0": [1.0]}), tmp_path / "rows.parquet")
    refused = subprocess.run(["fettle", "predict", str(tmp_path / "model.ubj"), str(tmp_path / "rows.parquet"), str(tmp_path / "out.csv")], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "one_output_per_tree" in refused.stderr
