"""entity_status: what happened to the things on a device, found by comparing two looks at them."""
