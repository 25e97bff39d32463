"""The security events of apps and their connections."""

from trunkline.routes import SecurityEvent

CLIENT_REFUSED = SecurityEvent(
    "client_refused", "an app failed to prove who it is at the token endpoint", is_refusal=True
)
CODE_REPLAYED = SecurityEvent(
    "code_replayed", "an authorization code was used twice, so its connection has ended", is_refusal=True
)
REFRESH_REPLAYED = SecurityEvent(
    "refresh_replayed", "a refresh token was used twice, so its connection has ended", is_refusal=True
)
CONSENT_GIVEN = SecurityEvent("consent_given", "a person allowed an app what it asked for")
CONSENT_REFUSED = SecurityEvent("consent_refused", "a person denied an app what it asked for")
APP_CONNECTED = SecurityEvent("app_connected", "an app turned a consent into a connection")
APP_DISCONNECTED = SecurityEvent("app_disconnected", "a connection was ended")
APP_REGISTERED = SecurityEvent("app_registered", "an app was registered")
APP_CHANGED = SecurityEvent("app_changed", "an app's name, redirect URIs or keys were changed")
APP_SECRET_ROTATED = SecurityEvent("app_secret_rotated", "an app was given a new secret")
APP_REMOVED = SecurityEvent("app_removed", "an app was removed, and its connections have ended")
