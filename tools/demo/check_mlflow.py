"""What an unmodified mlflow client sees of a run and a model: run as its own process, prints one JSON document."""
import json
import os
import sys
import tempfile

import mlflow
from mlflow import MlflowClient


def main(uri: str, experiment: str, model: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    runs = mlflow.search_runs(experiment_names=[experiment], output_format="list")
    version = client.get_model_version_by_alias(model, "champion")
    run = client.get_run(version.run_id)
    folder = client.download_artifacts(run.info.run_id, "model", tempfile.mkdtemp())
    with open(os.path.join(folder, "input.json"), "w") as out:
        json.dump({}, out)
    booster = mlflow.xgboost.load_model(f"models:/{model}@champion")
    print(json.dumps({"runs": len(runs), "run_id": run.info.run_id, "version": version.version,
                      "metrics": run.data.metrics, "params": run.data.params, "tags": run.data.tags,
                      "files": sorted(os.listdir(folder)), "trees": booster.num_boosted_rounds()}))


main(*sys.argv[1:4])
