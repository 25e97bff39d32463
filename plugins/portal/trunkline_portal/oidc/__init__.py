"""Signing in at an OpenID Connect provider: authorization code with PKCE, state and nonce.

``pages/oidc`` sends a browser to the provider with an ``attempt``; its answer goes ``provider`` (code → claims) → ``people``
(claims → person and rights) → ``users`` (stored, for sessions and connected apps).
"""
