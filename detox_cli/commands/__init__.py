"""One thin file per verb: declare, resolve, call one service, show."""
