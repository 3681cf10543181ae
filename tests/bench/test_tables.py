"""The docs keep one table for each measurement: the newest, with its machine and date."""

from pathlib import Path

from bench.result_tables import write_table
from bench.topic_watch import Rate

CLAIMS = {
    "ours_per_s": 14_000,
    "raw_per_s": 28_000,
    "raw_tuned_per_s": 35_000,
    "quix_per_s": 21_000,
    "answers_per_s": 17_000,
    "claims": 40_000,
    "leads": 10_000,
}

RESTART = {
    "dynamic_s": 6.8,
    "raw_dynamic_s": 6.5,
    "ratio_dynamic": 1.05,
    "static_s": 3.1,
    "raw_static_s": 2.9,
    "ratio_static": 1.07,
}


def test_a_newer_table_takes_the_place_of_the_former_and_others_stay(tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "benchmarks.md"
    write_table("claims", CLAIMS, path=docs)
    write_table("restart", RESTART, path=docs)
    write_table("claims", {**CLAIMS, "ours_per_s": 15_000}, path=docs)
    text = docs.read_text()
    assert "| firstclaim worker | 15,000 | 0.54 |" in text
    assert "compiled core |" not in text
    assert "14,000" not in text
    assert "| static | 3.1 | 2.9 | 1.07 |" in text
    assert text.count("<!-- claims -->") == text.count("<!-- /claims -->") == 1
    assert "cores" in text
    assert "Apache Kafka" in text


def test_the_compiled_core_has_rows_where_it_was_measured(tmp_path: Path) -> None:
    docs = tmp_path / "benchmarks.md"
    write_table("claims", {**CLAIMS, "compiled_per_s": 21_000, "compiled_answers_per_s": 19_600}, path=docs)
    assert "| firstclaim worker, compiled core | 21,000 | 0.75 |" in docs.read_text()
    assert "| the same, compiled core | 19,600 | 0.70 |" in docs.read_text()


def test_r9_an_orgs_allocations_are_told_by_its_size(tmp_path: Path) -> None:
    """R9: with a hundred times the reps an allocation must not take a hundred times as long."""
    docs = tmp_path / "benchmarks.md"
    figures = {"per_s_10": 28_000, "per_s_1000": 21_000, "per_s_10000": 19_000}
    write_table("allocate", {**figures, "growth_1000": 1.33, "growth_10000": 1.47}, path=docs)
    assert "| 1,000 in 100 | 21,000 | 1.33 |" in docs.read_text()


def test_a_measurement_without_a_table_of_its_own_is_told_figure_by_figure(tmp_path: Path) -> None:
    docs = tmp_path / "benchmarks.md"
    write_table("another", {"row_gone_p50_ms": 12.5, "runs": [1, 2]}, path=docs)
    assert "| row_gone_p50_ms | 12.5 |" in docs.read_text()


def test_a_rate_counts_what_came_after_the_first_stamp() -> None:
    rate = Rate()
    for stamp, count in ((1000, 500), (1500, 300), (2000, 200)):
        for _ in range(count):
            rate.add(stamp)
    assert rate.per_s == 500
    assert Rate().per_s == 0


def test_q9_what_listeners_and_browsers_saw_is_told_with_its_sizes(tmp_path: Path) -> None:
    docs = tmp_path / "benchmarks.md"
    delays = {
        "delay_p50_ms": 51.4,
        "delay_p95_ms": 112.8,
        "console_cpu_share": 0.23,
        "client_cpu_share": 0.14,
    }
    sizes = {"listeners": 500, "claims": 1_000, "claims_per_s": 50.0}
    write_table("listeners", {**delays, **sizes, "wrong": 0, "rebuilt": 0}, path=docs)
    times = {"row_gone_p50_ms": 60.0, "row_gone_p95_ms": 120.0, "answer_p50_ms": 50.0, "answer_p95_ms": 90.0}
    write_table("live-browser", {**times, "claims": 200, "pages": 20}, path=docs)
    text = docs.read_text()
    assert "| 500 listeners, 50 claims/s | value |" in text
    assert "| lists that are not the server's at the end | 0 |" in text
    assert "| 200 claims, 20 pages | p50 ms | p95 ms |" in text
