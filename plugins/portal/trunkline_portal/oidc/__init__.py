"""Signing in at an OpenID Connect provider: authorization code with PKCE, state and nonce.

``pages/oidc`` sends a browser to the provider with an ``attempt``; what comes back goes ``provider`` (code → claims) → ``people``
(claims → who that is here) → ``users`` (remembered, for sessions and for what they connect).
"""
