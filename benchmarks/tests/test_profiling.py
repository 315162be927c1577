"""Which stage a stack is put to."""

from benchmarks.profiling import read_samples

SAMPLES = """\
<module> (billing);run (asyncio/runners.py);Path.take (chassis/path.py);Item.decode (chassis/items.py);__init__ (pydantic/main.py) 30
<module> (billing);run (asyncio/runners.py);Path._save (chassis/path.py);execute (sqlalchemy/ext/asyncio/engine.py);_execute (asyncpg/connection.py) 20
<module> (billing);run (asyncio/runners.py);Path._finish (chassis/path.py);Batch.decide (chassis/batch.py);issue (billing/domain/documents.py);quantize (decimal.py) 10
<module> (billing);run (asyncio/runners.py) 40
"""  # noqa: E501  # as py-spy writes it


def test_the_innermost_frame_that_says_something_decides() -> None:
    found = read_samples("billing", SAMPLES, cpu_ms=2.0)
    shares = {stage: share for stage, share in found.stages.items() if share}
    assert shares == {"decode": 0.3, "asyncpg": 0.2, "domain": 0.1, "event loop": 0.4}
    assert found.samples == 100


def test_a_function_counts_with_what_it_calls() -> None:
    found = read_samples("billing", SAMPLES, cpu_ms=2.0)
    assert dict(found.inside)["billing/domain/documents.py issue"] == 0.1
    assert dict(found.hottest)["decimal.py quantize"] == 0.1
