"""The world around the platform: flights that happen, files that land week by week, an application that asks."""
import datetime as dt
import pathlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

KM_PER_MILE = 1.609344


def day(text: str) -> dt.datetime:
    """Midnight UTC, without a zone, as the files have their times."""
    return dt.datetime.fromisoformat(text)


def milliseconds(time: dt.datetime) -> int:
    return int(time.replace(tzinfo=dt.timezone.utc).timestamp() * 1000)


class World:
    """Flights by time. `land` puts raw files where a project reads them; `ask` writes what the application will send."""

    def __init__(self, source: pathlib.Path, landing: pathlib.Path, live: pathlib.Path):
        self.flights = pq.read_table(source)
        self.landing, self.live = landing, live
        landing.mkdir(parents=True, exist_ok=True)
        live.mkdir(parents=True, exist_ok=True)

    def between(self, begin: dt.datetime, end: dt.datetime) -> pa.Table:
        date = self.flights["date"]
        return self.flights.filter(pc.and_(pc.greater_equal(date, pa.scalar(begin, date.type)),
                                           pc.less(date, pa.scalar(end, date.type))))

    def land(self, begin: dt.datetime, end: dt.datetime) -> pathlib.Path:
        """One raw file of [begin, end), as an upstream system would deliver it: written aside, then renamed."""
        path = self.landing / f"{begin:%Y-%m-%d}.parquet"
        part = path.with_suffix(".part")
        pq.write_table(self.between(begin, end), part, compression="zstd")
        part.rename(path)
        return path

    def ask(self, begin: dt.datetime, end: dt.datetime, hub_in_km: str = "", fault: tuple | None = None) -> pathlib.Path:
        """What the application sends for [begin, end), with the label that will be known later. Between the two times of
        `fault`, the distances of flights from `hub_in_km` are in kilometres: the application's bug."""
        rows = self.between(begin, end)
        delay = rows["delay"]
        rows = rows.filter(pc.and_(pc.greater_equal(delay, -120), pc.less_equal(delay, 1440)))
        distance = pc.cast(rows["distance"], pa.float64())
        if hub_in_km and fault:
            when = rows["date"]
            broken = pc.and_(pc.equal(rows["origin"], hub_in_km),
                             pc.and_(pc.greater_equal(when, pa.scalar(fault[0], when.type)),
                                     pc.less(when, pa.scalar(fault[1], when.type))))
            distance = pc.if_else(broken, pc.multiply(distance, KM_PER_MILE), distance)
        table = pa.table({
            "date": rows["date"], "hour": pc.hour(rows["date"]), "weekday": pc.day_of_week(rows["date"]),
            "distance": distance, "origin": rows["origin"], "destination": rows["destination"],
            "late": pc.cast(pc.greater_equal(rows["delay"], 15), pa.int64())})
        path = self.live / f"{begin:%Y-%m-%d}.parquet"
        pq.write_table(table, path, compression="zstd")
        return path
