"""Plugins that work in the background while the database is away."""

from pathlib import Path

from tests.waiting import until


async def test_they_warn_and_their_log_has_no_traceback(
    sqlite_database_url, make_hub, monkeypatch, caplog, tmp_path
):
    monkeypatch.setattr("trunkline_oauth.SWEEP_SECONDS", 0.05)
    monkeypatch.setattr("trunkline_alerts.digests.LOOK_SECONDS", 0.05)
    await make_hub(
        sqlite_database_url,
        {"alerts.smtp_host": "127.0.0.1", "alerts.sender": "hub@example.com"},
        dispatch=False,
    )
    file = Path(sqlite_database_url.removeprefix("sqlite:///"))
    moved = file.rename(tmp_path / "moved")
    expected = {"cannot end connections that are over now", "cannot send daily digests now"}
    await until(lambda: expected <= {record.getMessage().partition(":")[0] for record in caplog.records})
    moved.rename(file)
    told = [record for record in caplog.records if record.name.startswith("trunkline.plugins.")]
    assert {record.levelname for record in told} == {"WARNING"}
    assert not [record for record in told if record.exc_info]
