"""A trained model as a folder that is complete in itself, in the layout that model hubs accept."""
