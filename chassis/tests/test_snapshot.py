"""An index that is kept: what is believed, what is not, and that reading goes on where it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from aiokafka import TopicPartition

from chassis.reference import _begin
from chassis.snapshot import LASTS_SECONDS, Snapshot


class Kept:
    """An index of bytes."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def save(self, file: BinaryIO) -> None:
        file.write(self.content)

    def load(self, file: BinaryIO) -> None:
        self.content = file.read()
        if self.content == b"of another kind":
            raise ValueError(self.content)


def test_what_was_saved_is_loaded_with_its_offsets(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "topic.v1"
    Snapshot(path, "cluster", Kept(b"x" * 3_000_000)).save({0: 5, 11: 0})
    index = Kept()
    assert Snapshot(path, "cluster", index).load() == {0: 5, 11: 0}
    assert index.content == b"x" * 3_000_000
    assert [file.name for file in path.parent.iterdir()] == ["topic.v1"]


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [damaged, cut_off, empty, Path.unlink])
def test_a_snapshot_that_is_not_whole_is_not_believed(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = tmp_path / "topic.v1"
    Snapshot(path, "cluster", Kept(b"content")).save({0: 5})
    harm(path)
    index = Kept()
    assert Snapshot(path, "cluster", index).load() == {}
    assert index.content == b""


def test_nor_one_of_another_cluster_or_of_another_kind_or_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "topic.v1"
    Snapshot(path, "cluster", Kept(b"content")).save({0: 5})
    assert Snapshot(path, "other", Kept()).load() == {}
    later = path.stat().st_mtime + LASTS_SECONDS + 60
    with monkeypatch.context() as changed:
        changed.setattr("time.time", lambda: later)
        assert Snapshot(path, "cluster", Kept()).load() == {}
    Snapshot(path, "cluster", Kept(b"of another kind")).save({0: 5})
    assert Snapshot(path, "cluster", Kept()).load() == {}


def test_a_folder_that_cannot_be_written_hurts_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Snapshot(tmp_path / "file" / "topic.v1", "cluster", Kept()).save({0: 5})


def test_reading_goes_on_only_where_all_offsets_are_places_in_the_topic() -> None:
    one, two = TopicPartition("topic.v1", 0), TopicPartition("topic.v1", 1)
    beginnings, ends = {one: 0, two: 3}, {one: 9, two: 9}
    assert _begin({0: 9, 1: 3}, beginnings, ends) == {one: 9, two: 3}
    for elsewhere in ({}, {0: 9}, {0: 10, 1: 3}, {0: 9, 1: 2}):
        assert _begin(elsewhere, beginnings, ends) == beginnings
