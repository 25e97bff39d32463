"""Channels with a defect in the outcomes that they derive from answers."""

from tests.kit.broken.channel import altering, delivering, through, with_outcome

knows_200_only = with_outcome("result.status_code in {202, 204}", "RETRY").breaks(
    "channel.takes-every-2xx-as-delivered"
)

takes_redirects_for_success = with_outcome("result.status_code in range(300, 400)", "DELIVERED").breaks(
    "channel.retries-redirects"
)

follows_redirects = delivering(
    "    response = await http.post(push.target.url, body=push.body, headers={})\n"
    "    if 'location' in response.headers:\n"
    "        response = await http.post(response.headers['location'], body=push.body, headers={})\n"
    "    return Result(Outcome.DELIVERED if response.status < 300 else Outcome.RETRY, response.status)\n"
).breaks("channel.follows-no-redirect")

rejects_every_4xx = with_outcome("result.status_code in range(400, 500)", "REJECTED").breaks(
    "channel.retries-client-errors"
)

rejects_a_501 = with_outcome("result.status_code == 501", "REJECTED").breaks("channel.retries-server-errors")

tries_again_after_410 = with_outcome("result.status_code == 410", "RETRY").breaks("channel.ends-on-410")

does_not_read_the_wait_of_a_429 = altering(
    "replace(result, retry_after_seconds=None) if result.status_code == 429 else result"
).breaks("channel.waits-as-long-as-429-says")

does_not_read_the_wait_of_a_503 = altering(
    "replace(result, retry_after_seconds=None) if result.status_code == 503 else result"
).breaks("channel.waits-as-long-as-503-says")

WITHOUT_DATES = "answer=lambda given: given if given.headers.get('retry-after', '0').isdigit() else HttpResponse(given.status, {}, given.body)"

reads_seconds_only = through(WITHOUT_DATES).breaks("channel.reads-retry-after-dates")

believes_every_wait_to_be_a_number = through(
    "answer=lambda given: given if float(given.headers.get('retry-after', '0')) >= 0 else None"
).breaks("channel.survives-odd-retry-after")

waits_itself = delivering(
    "    result = await post(push, http)\n"
    "    await asyncio.sleep(result.retry_after_seconds or 0)\n"
    "    return result\n"
).breaks("channel.leaves-waiting-to-the-hub")

tries_again_itself = delivering(
    "    result = await post(push, http)\n"
    "    return result if result.outcome is Outcome.DELIVERED else await post(push, http)\n"
).breaks("channel.makes-one-request-per-attempt")

takes_a_closed_port_for_gone = with_outcome("result.error == 'connection_refused'", "GONE").breaks(
    "channel.retries-when-nobody-listens"
)

takes_garbage_for_success = with_outcome("result.error == 'invalid_answer'", "DELIVERED").breaks(
    "channel.retries-what-is-not-http"
)

believes_every_answer_to_be_json = through(
    "answer=lambda given: (json.loads(given.body.decode()), given)[1] if given.body else given"
).breaks("channel.survives-odd-answers")

refuses_long_answers = through(
    "answer=lambda given: HttpResponse(500, {}, b'') if len(given.body) > 60000 else given"
).breaks("channel.survives-a-huge-answer")

reports_no_status = altering("replace(result, status_code=None)").breaks("channel.reports-the-status")

keeps_no_answer = altering("replace(result, response_body=None)").breaks("channel.keeps-what-the-target-said")
