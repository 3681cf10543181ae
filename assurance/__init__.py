"""Everything that checks the promise: verify, load, chaos, storms, sample leads and the demo."""
