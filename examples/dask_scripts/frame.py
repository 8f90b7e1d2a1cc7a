"""Answers per model from many CSV files, written for Dask: `python -m dusk frame.py "data/*.csv" out` runs it."""

import os
import sys

import dask
import dask.dataframe as dd
from dask.diagnostics import ProgressBar


def main(pattern, out):
    df = dd.read_csv(pattern, dtype={"response_len": "float64", "category": "object"}, parse_dates=["ts"])
    df["long"] = df.response_len > 500
    df = df.dropna(subset=["score", "response_len"])

    # a table per model
    answers = df[df.response_len > 20]
    per_model = answers.groupby("model").agg({"score": ["mean", "std", "count"], "response_len": ["min", "max"]})

    # joined with a table of its own
    prices = dd.from_pandas(make_prices(), npartitions=2)
    priced = df[["id", "model", "response_len"]].merge(prices, on="model", how="left")
    priced = priced.assign(cost=priced.response_len * priced.price)
    cost = priced.groupby("model").cost.sum()

    # a function of our own for each partition
    shares = df.map_partitions(share_of_long, meta=("share", "float64"))

    with ProgressBar(), dask.config.set(scheduler="threads"):
        table, cost, shares = dask.compute(per_model, cost, shares)
        best = df.nlargest(10, "score")[["id", "model", "score"]].compute()
    mean, rows = dask.compute(df.score.mean(), df.shape[0])

    table.columns = ["_".join(names) for names in table.columns]
    os.makedirs(out, exist_ok=True)
    table.join(cost).sort_index().to_csv(f"{out}/models.csv")
    best.sort_values(["score", "id"], ascending=[False, True]).to_csv(f"{out}/best.csv", index=False)
    print(f"{rows} answers, mean score {mean:.6f}, {shares.mean():.3f} of them long, {len(shares)} partitions or more")


def make_prices():
    import pandas as pd

    names = ["small-1", "small-2", "medium-1", "large-1", "large-2", "vision-1"]
    return pd.DataFrame({"model": names, "price": [0.25, 0.5, 0.75, 1.5, 2.0, 1.25]})


def share_of_long(part):
    import pandas as pd

    return pd.Series([part["long"].mean()], name="share")


if __name__ == "__main__":
    main(*sys.argv[1:])
