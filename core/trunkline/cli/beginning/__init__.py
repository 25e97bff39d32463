"""The beginning of a product's own deployment: ``init`` writes its folder, ``new event`` one event type after the other."""
