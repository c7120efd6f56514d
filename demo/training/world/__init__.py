"""The drawn world: what pictures hold (scenes), their words (captions) and their pixels (render)."""
