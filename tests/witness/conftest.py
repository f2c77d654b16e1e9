from tests.log.conftest import path, small_disk, url

__all__ = ["path", "small_disk", "url"]
