"""Programs that train the labelled populations behind the documented figures."""
