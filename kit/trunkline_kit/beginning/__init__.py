"""Starting a deployment of one's own product: ``init`` writes its folder, ``new`` an event type, an action or a search."""
