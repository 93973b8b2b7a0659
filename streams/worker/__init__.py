"""The Faust worker: reads, folds, writes and acknowledges, in the order that makes a kill harmless."""
