"""Kill, freeze and cut everything at the worst moments, then count the replies."""
