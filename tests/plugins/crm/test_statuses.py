"""The status that a call chooses, where no route shows it: ``test_refusals`` has the sentences."""

from trunkline_crm.statuses import Status, choose


def test_a_name_that_fits_exactly_goes_before_one_in_another_case():
    statuses = [Status(1, "VIP"), Status(2, "vip")]
    assert choose(statuses, name="vip", status_id=None, field="status") == Status(2, "vip")
    assert choose(statuses, name="Vip", status_id=None, field="status") == Status(1, "VIP")
