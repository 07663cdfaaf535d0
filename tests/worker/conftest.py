from tests.pipeline.conftest import folder

__all__ = ["folder"]
