"""Channels with a defect in the outcomes that they derive from answers."""

from tests.kit.broken.breaking import breaks
from tests.kit.broken.channel import acme, altering, through, with_outcome


@breaks("channel.takes-every-2xx-as-delivered")
def knows_200_only():
    return with_outcome("result.status_code in {202, 204}", "RETRY")


@breaks("channel.retries-redirects")
def takes_redirects_for_success():
    return with_outcome("result.status_code in range(300, 400)", "DELIVERED")


@breaks("channel.follows-no-redirect")
def follows_redirects():
    return acme(
        "async def deliver(push, http):\n"
        "    response = await http.post(push.target.url, body=push.body, headers={})\n"
        "    if 'location' in response.headers:\n"
        "        response = await http.post(response.headers['location'], body=push.body, headers={})\n"
        "    return Result(Outcome.DELIVERED if response.status < 300 else Outcome.RETRY, response.status)\n"
    )


@breaks("channel.retries-client-errors")
def rejects_every_4xx():
    return with_outcome("result.status_code in range(400, 500)", "REJECTED")


@breaks("channel.retries-server-errors")
def rejects_a_501():
    return with_outcome("result.status_code == 501", "REJECTED")


@breaks("channel.ends-on-410")
def tries_again_after_410():
    return with_outcome("result.status_code == 410", "RETRY")


@breaks("channel.waits-as-long-as-429-says")
def does_not_read_the_wait_of_a_429():
    return altering("replace(result, retry_after_seconds=None) if result.status_code == 429 else result")


@breaks("channel.waits-as-long-as-503-says")
def does_not_read_the_wait_of_a_503():
    return altering("replace(result, retry_after_seconds=None) if result.status_code == 503 else result")


WITHOUT_DATES = "answer=lambda given: given if given.headers.get('retry-after', '0').isdigit() else HttpResponse(given.status, {}, given.body)"


@breaks("channel.reads-retry-after-dates")
def reads_seconds_only():
    return through(WITHOUT_DATES)


@breaks("channel.survives-odd-retry-after")
def believes_every_wait_to_be_a_number():
    return through(
        "answer=lambda given: given if float(given.headers.get('retry-after', '0')) >= 0 else None"
    )


@breaks("channel.leaves-waiting-to-the-hub")
def waits_itself():
    return acme(
        "async def deliver(push, http):\n"
        "    result = await post(push, http)\n"
        "    await asyncio.sleep(result.retry_after_seconds or 0)\n"
        "    return result\n"
    )


@breaks("channel.makes-one-request-per-attempt")
def tries_again_itself():
    return acme(
        "async def deliver(push, http):\n"
        "    result = await post(push, http)\n"
        "    return result if result.outcome is Outcome.DELIVERED else await post(push, http)\n"
    )


@breaks("channel.retries-when-nobody-listens")
def takes_a_closed_port_for_gone():
    return with_outcome("result.error == 'connection_refused'", "GONE")


@breaks("channel.retries-what-is-not-http")
def takes_garbage_for_success():
    return with_outcome("result.error == 'invalid_answer'", "DELIVERED")


@breaks("channel.survives-odd-answers")
def believes_every_answer_to_be_json():
    return through(
        "answer=lambda given: (json.loads(given.body.decode()), given)[1] if given.body else given"
    )


@breaks("channel.survives-a-huge-answer")
def refuses_long_answers():
    return through("answer=lambda given: HttpResponse(500, {}, b'') if len(given.body) > 60000 else given")


@breaks("channel.reports-the-status")
def reports_no_status():
    return altering("replace(result, status_code=None)")


@breaks("channel.keeps-what-the-target-said")
def keeps_no_answer():
    return altering("replace(result, response_body=None)")
