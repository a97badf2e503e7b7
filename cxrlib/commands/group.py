"""What the commands that load Keras have in common."""

import importlib

import click


class KerasCommand(click.Command):
    """A command that loads Keras, once its options are known to be right."""

    def invoke(self, context):
        """Load it without what TensorFlow prints meanwhile; run the command."""
        from cxrlib.environment import quiet

        with quiet():
            if importlib.import_module("keras").backend.backend() != "tensorflow":
                importlib.import_module("keras_hub")  # It loads TensorFlow anyway.
        return super().invoke(context)
