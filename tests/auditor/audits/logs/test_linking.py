"""Who is tied to whom: a hydra is, by what it shares; a classroom, a popular tool, a university's
network and a family's payment make no hydra."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audits.logs.linking import Links, link
from auditor.audits.logs.plan import LogInput
from auditor.audits.logs.tables import read_log
from auditor.audits.logs.warehouse import Warehouse, warehouse
from tests.auditor.audits.logs.made_logs import (
    Row,
    chats,
    classroom,
    hydra,
    row,
    tool_users,
    words,
    write_jsonl,
)

pytest.importorskip("duckdb")


@pytest.fixture
def house() -> Iterator[Warehouse]:
    with warehouse(memory_gb=1) as made:
        yield made


def linked(house: Warehouse, tmp_path: Path, rows: list[Row]) -> tuple[Links, dict[str, int]]:
    """The links of a log, and each account's unit."""
    log = read_log(house, "log", LogInput((write_jsonl(tmp_path / "log.jsonl", rows),)))
    links = link(house, "log", tuple(log.columns))
    named = house.rows("SELECT account, unit FROM log_accounts JOIN log_unit USING (account_h)")
    return links, dict(named)


def tied(units: dict[str, int], prefix: str) -> list[int]:
    """Sizes above one of the units that an account of a name is in."""
    sizes = Counter(units.values())
    own = {u for name, u in units.items() if name.startswith(prefix)}
    return sorted(sizes[u] for u in own if sizes[u] > 1)


def test_a_hydra_is_tied_by_network_and_template_and_nobody_else_is(
    house: Warehouse, tmp_path: Path
) -> None:
    rows = chats(300, 1) + hydra(24, 10, 2) + classroom(40, 8, 3) + tool_users(40, 10, 4)
    links, units = linked(house, tmp_path, rows)
    assert tied(units, "hydra") == [12, 12]
    for other in ("chat", "pupil", "tool"):
        assert tied(units, other) == []
    assert all(t.p_value is not None and t.p_value <= 1e-3 for t in links.groups)
    assert len(links.group_units) == len(links.groups)


def test_a_popular_tool_on_a_university_network_ties_nobody(
    house: Warehouse, tmp_path: Path
) -> None:
    campus = [r | {"network": "192.168.1.1"} for r in chats(150, 1)]
    tools = [
        r | {"network": "192.168.1.1"} if int(r["account"].split("-")[1]) % 2 else r
        for r in tool_users(60, 10, 4)
    ]
    _, units = linked(house, tmp_path, campus + chats(150, 2, prefix="home") + tools)
    assert tied(units, "tool") == []
    assert tied(units, "chat") == []


def test_a_popular_tool_with_a_client_of_its_own_ties_nobody_and_a_rare_client_does(
    house: Warehouse, tmp_path: Path
) -> None:
    tools = [r | {"client": "popular/1.0"} for r in tool_users(60, 10, 4)]
    own = [r | {"network": f"10.66.{r['account']}.1", "client": "mine/0"} for r in hydra(8, 20, 2)]
    _, units = linked(house, tmp_path, chats(1000, 1) + tools + own)
    assert tied(units, "tool") == []
    assert tied(units, "hydra") == [8]


def test_a_payment_that_few_share_ties_and_one_that_many_share_does_not(
    house: Warehouse, tmp_path: Path
) -> None:
    family = [r | {"payment": "card-1"} for r in chats(4, 1, prefix="family")]
    voucher = [r | {"payment": "voucher"} for r in chats(80, 2, prefix="voucher")]
    links, units = linked(house, tmp_path, family + voucher + chats(50, 3))
    assert tied(units, "family") == [4]
    assert tied(units, "voucher") == []
    assert [t.p_value for t in links.groups] == [None]


def test_accounts_without_shared_infrastructure_are_tied_by_beginning_together(
    house: Warehouse, tmp_path: Path
) -> None:
    rng = random.Random(5)
    rows = chats(200, 1)
    for i in range(20):
        for j in range(8):
            prompt = f"Solve problem {i * 8 + j}: {words(rng, 9)}. Think step by step."
            hours = 24 * 5 + 3.2 + j * 7 + rng.random() / 2
            rows.append(row(f"timed-{i}", hours, prompt, network=f"10.77.{i}.1"))
    links, units = linked(house, tmp_path, rows)
    assert tied(units, "timed") == [20]
    assert {t.group.kind for t in links.groups} <= {4, 5}


def test_a_list_of_questions_that_all_are_given_ties_nobody_by_whatever_they_share(
    house: Warehouse, tmp_path: Path
) -> None:
    _, units = linked(house, tmp_path, chats(300, 1) + classroom(60, 10, 3))
    assert tied(units, "pupil") == []


def test_the_units_of_a_log_are_the_same_in_any_order_of_its_rows(
    house: Warehouse, tmp_path: Path
) -> None:
    rows = chats(100, 1) + hydra(24, 10, 2)
    _, first = linked(house, tmp_path, rows)
    house.run("DROP TABLE log")
    random.Random(1).shuffle(rows)
    _, again = linked(house, tmp_path, rows)
    assert first == again
