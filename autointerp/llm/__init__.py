"""Language models behind one method, `complete`: cached, retried, limited, metered and stopped by a budget."""
