"""What a page about a selection or a registry shows: gathered here, written by `hubselect.reports`."""
