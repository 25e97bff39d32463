"""Where a push may go and how it is signed: URLs, addresses, signatures."""
