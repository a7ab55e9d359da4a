"""Posts that give orders to the model, and a model that obeys them all."""
