"""Plugins with a defect in authenticating bearer tokens."""

from tests.kit.broken.acme import MORE_SETTINGS, acme
from tests.kit.broken.breaking import Broken

HOOK = """
GIVEN = {}


@hookimpl
def authenticate_request(context, request):
    return GIVEN.get(request.token)


"""
JANE = (
    "trunkline.routes.Principal(key_id='jane', name='Jane', company_id=92, scopes=frozenset({'events:read'}))"
)


def telling(answer: str = "GIVEN.get(request.token)") -> Broken:
    return acme((MORE_SETTINGS, MORE_SETTINGS + HOOK.replace("GIVEN.get(request.token)", answer)))


good = telling()

build_letting_anybody_in = telling(JANE).breaks("plugin.lets-no-stranger-in")

build_believing_what_a_token_says_of_itself = telling(
    f"{JANE} if request.token.startswith('eyJ') else None"
).breaks("plugin.lets-no-stranger-in")

build_failing_at_what_is_no_token_of_its_own = telling("GIVEN.get(request.token.split('.')[1])").breaks(
    "plugin.lets-no-stranger-in"
)

build_logging_tokens = telling("context.log.info('asked about %s', request.token)").breaks(
    "plugin.logs-no-token"
)
