from tests.pipeline.conftest import folder, harvested, subjects, world

__all__ = ["folder", "harvested", "subjects", "world"]
