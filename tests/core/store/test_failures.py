"""The sentence for an error of a driver."""

from trunkline.store.failures import unavailable


def test_an_error_without_a_message_of_its_own_is_said_to_be_no_answer_in_time():
    assert str(unavailable(TimeoutError())) == "TimeoutError: no answer in time"
    assert (
        str(unavailable(ConnectionResetError("reset by peer\nmore"))) == "ConnectionResetError: reset by peer"
    )
