"""The folder behind the pipeline tools: once, durably, and never over a hand edit."""

import json
import multiprocessing
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.backends.action_folder import ActionFolder, KeyReused, UnknownStage
from mcp_servers.backends.durable_files import UnreadableFile
from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.faults import BadFaults

FILES = ("pipeline_state.json", "incidents.json", "alerts.json")


def opened(folder: Path) -> JsonFilesPipeline:
    return JsonFilesPipeline(folder, now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def content(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def stages(folder: Path) -> dict[str, str]:
    return content(folder, "pipeline_state.json")["stages"]


def order_faults(folder: Path, **plan: Any) -> None:
    (folder / "faults.json").write_text(json.dumps(plan))


@pytest.fixture
def crash_before_apply(monkeypatch):
    """Die, as far as the files can tell, between the log's line and the file's change."""

    def crash(act) -> None:
        def power_cut(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as doomed:
            doomed.setattr(ActionFolder, "_apply", power_cut)
            with pytest.raises(KeyboardInterrupt):
                act()

    return crash


def test_a_new_folder_is_seeded_like_the_lab(tmp_path):
    opened(tmp_path / "new")

    assert stages(tmp_path / "new") == {
        "ingestion": "healthy",
        "transformation": "degraded",
        "validation": "healthy",
        "loading": "healthy",
        "indexing": "healthy",
    }
    assert content(tmp_path / "new", "incidents.json") == []
    assert content(tmp_path / "new", "alerts.json") == []


def test_files_are_private_to_their_owner(tmp_path):
    pipeline = opened(tmp_path)
    pipeline.restart_stage("loading", "stuck", once="k")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == dict.fromkeys([*FILES, ".lock", "actions.jsonl"], 0o600)


def test_incidents_and_alerts_have_the_labs_fields(tmp_path):
    pipeline = opened(tmp_path)
    pipeline.create_incident("t", "WARNING", "d", "loading", once="i")
    pipeline.send_slack_alert("#c", "m", once="s")
    paged = pipeline.page_oncall("data-platform", "m", once="p")

    at = "2026-01-02T03:04:05+00:00"
    assert content(tmp_path, "incidents.json") == [
        {
            "id": "INC-0001",
            "title": "t",
            "severity": "WARNING",
            "description": "d",
            "affected_stage": "loading",
            "created_at": at,
        }
    ]
    assert content(tmp_path, "alerts.json") == [
        {"id": "AL-0001", "type": "slack", "channel": "#c", "message": "m", "sent_at": at},
        {
            "id": "AL-0002",
            "type": "pagerduty",
            "service": "data-platform",
            "message": "m",
            "sent_at": at,
        },
    ]
    assert paged.page_id == "PD-00001"


def test_the_same_key_twice_gives_the_first_result_and_one_effect(tmp_path):
    pipeline = opened(tmp_path)

    first = pipeline.create_incident("t", "WARNING", "d", "loading", once="k")
    again = opened(tmp_path).create_incident("reworded", "CRITICAL", "d2", "loading", once="k")

    assert first == again
    assert [incident["title"] for incident in content(tmp_path, "incidents.json")] == ["t"]


@pytest.mark.parametrize(
    "other",
    [
        lambda p: p.restart_stage("indexing", "r", once="k"),
        lambda p: p.clear_queue("loading", "r", once="k"),
    ],
    ids=["other stage", "other action"],
)
def test_a_key_serves_one_action_on_one_stage(tmp_path, other):
    pipeline = opened(tmp_path)
    pipeline.restart_stage("loading", "r", once="k")

    with pytest.raises(KeyReused, match="belongs to restart_stage on 'loading'"):
        other(pipeline)


def test_an_unknown_stage_is_refused_with_the_stages_that_exist(tmp_path):
    order_faults(tmp_path, tools={"restart_stage": {"mode": "no_heal", "times": 1}})
    pipeline = opened(tmp_path)

    for call in (
        lambda: pipeline.stage_metrics("nope"),
        lambda: pipeline.recent_errors("nope", 10),
        lambda: pipeline.restart_stage("nope", "r", once="k"),
    ):
        with pytest.raises(UnknownStage, match="ingestion, transformation, validation, loading"):
            call()
    assert not pipeline.find_action("k").found
    assert not (tmp_path / "faults_fired.json").exists()


def _page(folder: Path, _: int) -> str | None:
    return opened(folder).page_oncall("data-platform", "m", once="one").page_id


def test_eight_processes_with_one_key_page_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        page_ids = pool.starmap(_page, [(tmp_path, n) for n in range(24)])

    assert set(page_ids) == {"PD-00001"}
    assert len(content(tmp_path, "alerts.json")) == 1


def test_eight_threads_of_one_server_with_one_key_page_once(tmp_path):
    pipeline = opened(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        paged = list(
            pool.map(lambda _: pipeline.page_oncall("s", "m", once="one").page_id, range(24))
        )

    assert set(paged) == {"PD-00001"}
    assert len(content(tmp_path, "alerts.json")) == 1


def test_two_servers_on_one_folder_see_each_others_actions(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    one.restart_stage("loading", "r", once="a")

    assert other.find_action("a").action == "restart_stage"
    assert other.restart_stage("loading", "r", once="b").restart_id == "rs-2"
    assert one.restart_stage("loading", "r", once="c").restart_id == "rs-3"


def test_a_crash_between_log_and_file_loses_nothing(tmp_path, crash_before_apply):
    pipeline = opened(tmp_path)
    crash_before_apply(lambda: pipeline.restart_stage("transformation", "r", once="r"))
    assert stages(tmp_path)["transformation"] == "degraded"
    opened(tmp_path)
    assert stages(tmp_path)["transformation"] == "healthy"

    crash_before_apply(lambda: pipeline.create_incident("t", "INFO", "d", "loading", once="i"))
    assert content(tmp_path, "incidents.json") == []
    survivor = opened(tmp_path)
    created = survivor.create_incident("t", "INFO", "d", "loading", once="i")

    assert created.incident_id == "INC-0001"
    assert [incident["id"] for incident in content(tmp_path, "incidents.json")] == ["INC-0001"]


def test_a_crash_between_file_and_mark_applies_nothing_twice(tmp_path):
    pipeline = opened(tmp_path)
    pipeline.page_oncall("s", "m", once="p")
    log = tmp_path / "actions.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])

    assert opened(tmp_path).page_oncall("s", "m", once="p").page_id == "PD-00001"
    assert len(content(tmp_path, "alerts.json")) == 1


def test_a_torn_last_line_never_happened(tmp_path):
    pipeline = opened(tmp_path)
    pipeline.page_oncall("s", "m", once="p")
    log = tmp_path / "actions.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"key": "torn", "action": "page_on')

    for survivor in (pipeline, opened(tmp_path)):
        assert survivor.find_action("p").found
        assert not survivor.find_action("torn").found
    assert log.read_bytes() == whole
    assert pipeline.page_oncall("s", "m", once="q").page_id == "PD-00002"


def test_a_broken_line_inside_the_log_is_refused_by_name(tmp_path):
    pipeline = opened(tmp_path)
    (tmp_path / "actions.jsonl").write_text("nonsense\n")

    with pytest.raises(UnreadableFile, match=r"actions\.jsonl, byte 0"):
        pipeline.health()


def test_a_hand_reset_stays_reset(tmp_path):
    pipeline = opened(tmp_path)
    untouched = {name: (tmp_path / name).read_bytes() for name in FILES}
    pipeline.restart_stage("transformation", "r", once="r")
    pipeline.create_incident("t", "INFO", "d", "loading", once="i")
    for name, seed in untouched.items():
        (tmp_path / name).write_bytes(seed)

    for survivor in (pipeline, opened(tmp_path)):
        assert survivor.health().stages["transformation"] == "degraded"
        # The key is spent: it answers as before, and touches nothing.
        assert survivor.restart_stage("transformation", "r", once="r").restart_id == "rs-1"
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == untouched


def test_a_hand_edit_after_a_crash_outranks_the_lost_change(tmp_path, crash_before_apply):
    pipeline = opened(tmp_path)
    crash_before_apply(lambda: pipeline.restart_stage("loading", "r", once="r"))
    state = {"stages": {"loading": "failed"}, "note": "by hand"}
    (tmp_path / "pipeline_state.json").write_text(json.dumps(state))

    assert opened(tmp_path).health().stages == {"loading": "failed"}
    assert content(tmp_path, "pipeline_state.json") == state


def test_other_keys_of_a_hand_written_state_are_kept(tmp_path):
    state = {"stages": {"only": "failed"}, "note": "by hand"}
    (tmp_path / "pipeline_state.json").write_text(json.dumps(state))

    opened(tmp_path).restart_stage("only", "r", once="r")

    assert content(tmp_path, "pipeline_state.json") == {
        "stages": {"only": "healthy"},
        "note": "by hand",
    }


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"stages": {"a": 1}}'])
def test_a_broken_state_file_is_refused_and_nothing_is_logged(tmp_path, broken):
    pipeline = opened(tmp_path)
    (tmp_path / "pipeline_state.json").write_text(broken)

    with pytest.raises(UnreadableFile, match=r"pipeline_state\.json"):
        pipeline.restart_stage("loading", "r", once="r")
    assert not pipeline.find_action("r").found


def test_a_retry_heals_what_is_degraded_and_not_what_is_down(tmp_path):
    pipeline = opened(tmp_path)
    healed = pipeline.retry_failed_jobs("transformation", 3, once="a")
    assert (healed.retried, healed.succeeded, healed.still_failing) == (42, 36, 6)
    assert stages(tmp_path)["transformation"] == "healthy"

    (tmp_path / "pipeline_state.json").write_text('{"stages": {"loading": "failed"}}')
    failed = pipeline.retry_failed_jobs("loading", 3, once="b")
    assert (failed.retried, failed.succeeded, failed.still_failing) == (42, 0, 42)
    assert stages(tmp_path)["loading"] == "failed"


def test_clearing_a_queue_counts_what_was_in_it_and_has_an_id_of_its_own(tmp_path):
    pipeline = opened(tmp_path)

    first = pipeline.clear_queue("transformation", "r", once="a")
    second = pipeline.clear_queue("transformation", "r", once="b")

    assert (first.cleared_items, first.clear_id) == (8420, "cq-1")
    assert (second.cleared_items, second.clear_id) == (45, "cq-2")
    assert pipeline.clear_queue("transformation", "r", once="a") == first


def test_no_heal_reports_back_and_leaves_the_stage_ill(tmp_path):
    pipeline = opened(tmp_path)
    order_faults(tmp_path, tools={"retry_failed_jobs": {"mode": "no_heal"}})

    retried = pipeline.retry_failed_jobs("transformation", 3, once="k")

    assert (retried.succeeded, retried.still_failing) == (0, 42)
    assert pipeline.stage_metrics("transformation").status == "degraded"
    assert pipeline.find_action("k").found


def test_heal_on_second_heals_on_the_second_key_even_after_a_restart(tmp_path):
    order_faults(tmp_path, tools={"restart_stage": {"mode": "heal_on_second"}})

    opened(tmp_path).restart_stage("transformation", "r", once="a")
    opened(tmp_path).restart_stage("transformation", "r", once="a")
    assert stages(tmp_path)["transformation"] == "degraded"
    opened(tmp_path).restart_stage("transformation", "r", once="b")
    assert stages(tmp_path)["transformation"] == "healthy"


def test_a_fault_fires_as_often_as_ordered_and_only_on_its_stage(tmp_path):
    fault = {"mode": "error", "times": 2, "stage": "loading"}
    order_faults(tmp_path, tools={"restart_stage": fault})

    struck = [opened(tmp_path).call_fault("restart_stage", "loading") for _ in range(3)]

    assert struck == ["error", "error", None]
    assert opened(tmp_path).call_fault("restart_stage", "indexing") is None


def test_a_refusal_says_err_and_does_nothing(tmp_path):
    pipeline = opened(tmp_path)
    tools = ("restart_stage", "retry_failed_jobs", "clear_queue", "create_incident")
    tools += ("send_slack_alert", "page_oncall")
    order_faults(tmp_path, tools={tool: {"mode": "refuse"} for tool in tools})
    untouched = {name: (tmp_path / name).read_bytes() for name in FILES}

    answers = [
        pipeline.restart_stage("transformation", "r", once="1"),
        pipeline.retry_failed_jobs("transformation", 3, once="2"),
        pipeline.clear_queue("transformation", "r", once="3"),
        pipeline.create_incident("t", "INFO", "d", "loading", once="4"),
        pipeline.send_slack_alert("#c", "m", once="5"),
        pipeline.page_oncall("s", "m", once="6"),
    ]

    assert all(answer.result.startswith("ERR ") for answer in answers)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == untouched


def test_ordered_metrics_and_errors_are_reported(tmp_path):
    pipeline = opened(tmp_path)
    order_faults(
        tmp_path,
        metrics={"loading": {"status": "degraded", "error_rate_pct": 9.9, "queue_depth": None}},
        errors={"validation": ["boom"]},
    )

    assert pipeline.stage_metrics("loading").model_dump() == {
        "stage": "loading",
        "status": "degraded",
        "throughput_rps": 340,
        "error_rate_pct": 9.9,
        "p95_latency_ms": 1240,
        "queue_depth": None,
    }
    assert [e.message for e in pipeline.recent_errors("validation", 10).errors] == ["boom"]
    assert len(pipeline.recent_errors("loading", 10).errors) == 2


@pytest.mark.parametrize(
    "plan",
    [
        "",
        '{"tools": ',
        '{"tools": {"restart_stage": {"mode": "explode"}}}',
        '{"tools": {"no_such_tool": {"mode": "error"}}}',
        '{"tools": {"page_oncall": {"mode": "no_heal"}}}',
        '{"tools": {"find_action": {"mode": "refuse"}}}',
    ],
)
def test_a_wrong_faults_file_is_named_at_every_call(tmp_path, plan):
    pipeline = opened(tmp_path)
    (tmp_path / "faults.json").write_text(plan)

    with pytest.raises(BadFaults, match=r"faults\.json is wrong at"):
        pipeline.call_fault("check_pipeline_health", None)


STAGES = st.sampled_from(["transformation", "loading"])
TEXT = st.text(max_size=5)
DEEDS = st.one_of(
    st.tuples(st.just("restart_stage"), st.tuples(STAGES, TEXT)),
    st.tuples(st.just("retry_failed_jobs"), st.tuples(STAGES, st.integers(1, 10))),
    st.tuples(st.just("clear_queue"), st.tuples(STAGES, TEXT)),
    st.tuples(st.just("create_incident"), st.tuples(TEXT, st.just("INFO"), TEXT, STAGES)),
    st.tuples(st.just("send_slack_alert"), st.tuples(TEXT, TEXT)),
    st.tuples(st.just("page_oncall"), st.tuples(TEXT, TEXT)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), DEEDS, st.booleans()), max_size=12))
def test_any_sequence_with_repeated_keys_equals_the_sequence_deduplicated(sequence):
    with tempfile.TemporaryDirectory() as repeated, tempfile.TemporaryDirectory() as plain:
        pipeline, first_answers = opened(Path(repeated)), {}
        for key, (action, args), reopen in sequence:
            pipeline = opened(Path(repeated)) if reopen else pipeline
            try:
                answer = getattr(pipeline, action)(*args, once=key)
            except KeyReused:
                assert key in first_answers
                continue
            assert first_answers.setdefault(key, answer) == answer

        once_each = {key: deed for key, deed, _ in reversed(sequence)}
        pipeline = opened(Path(plain))
        for key in first_answers:
            action, args = once_each[key]
            assert getattr(pipeline, action)(*args, once=key) == first_answers[key]

        for name in FILES:
            assert content(Path(repeated), name) == content(Path(plain), name)
