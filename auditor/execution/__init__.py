"""Who does units of work: this process, processes of this machine, or a Ray cluster. One room for
fleets, ladders, populations, shadows and calibrations."""
