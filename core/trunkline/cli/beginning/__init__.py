"""The beginning of a product's own deployment: ``init`` writes its folder, ``new`` an event type, an action or a search."""
