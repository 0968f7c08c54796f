"""A project to start from: the workflow, its profiles and the plans, as this hardmine has them."""
