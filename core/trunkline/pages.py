"""Names for authors of portal pages, connectors and documentation: pages, statistics, and the catalogue in words."""

from trunkline.contract import (
    Activity,
    Attention,
    AttentionKind,
    Bucket,
    Connector,
    DeliveriesState,
    EventList,
    ListedEvent,
    Overview,
    PortalContent,
    PortalPage,
    PortalRedirect,
    PortalRequest,
    ReadFile,
    ShownEvent,
    SubscriptionActivity,
    TargetFigures,
    Trouble,
)
from trunkline.contract.fragments import FragmentInvalid, check_fragment
from trunkline.model.seeking import Sought
from trunkline.schemas.authorization import AuthorizationServer
from trunkline.schemas.conditions import Condition, all_conditions, conditions_of
from trunkline.schemas.definitions import Example, ItemList, Kind
from trunkline.schemas.fields import Field, FieldKind, Reference
from trunkline.schemas.products import (
    Brand,
    Product,
    alternatives,
    json_remarks,
    registration,
    sample_envelope,
)
from trunkline.schemas.wording import Wording, happening, plural, singular, those_of, with_article, wording_of

__all__ = [
    "Activity",
    "Attention",
    "AttentionKind",
    "AuthorizationServer",
    "Brand",
    "Bucket",
    "Condition",
    "Connector",
    "DeliveriesState",
    "EventList",
    "Example",
    "Field",
    "FieldKind",
    "FragmentInvalid",
    "ItemList",
    "Kind",
    "ListedEvent",
    "Overview",
    "PortalContent",
    "PortalPage",
    "PortalRedirect",
    "PortalRequest",
    "Product",
    "ReadFile",
    "Reference",
    "ShownEvent",
    "Sought",
    "SubscriptionActivity",
    "TargetFigures",
    "Trouble",
    "Wording",
    "all_conditions",
    "alternatives",
    "check_fragment",
    "conditions_of",
    "happening",
    "json_remarks",
    "plural",
    "registration",
    "sample_envelope",
    "singular",
    "those_of",
    "with_article",
    "wording_of",
]
