"""What a library says again and again is told once in a while."""

import logging

from chassis.logs import AGAIN_SECONDS, Calm


class Said(logging.Handler):
    """Keeps what gets through."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class Now:
    """A clock that is set by hand."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_same_again_is_counted_and_told_later_while_ours_and_others_get_through() -> None:
    now, said = Now(), Said()
    said.addFilter(Calm(now))
    library, ours = logging.getLogger("aiokafka.client"), logging.getLogger("chassis.path")
    for logger in (library, ours):
        logger.propagate = False
        logger.addHandler(said)
    for port in range(150):
        library.error("cannot connect to %s", port)
        ours.error("ours")
    library.error("something else")
    now.seconds += AGAIN_SECONDS
    library.error("cannot connect to %s", 150)
    library.error("cannot connect to %s", 151)
    assert [text for text in said.texts if text != "ours"] == [
        "cannot connect to 0",
        "something else",
        "cannot connect to 150 (and 149 times more before)",
    ]
    assert said.texts.count("ours") == 150
