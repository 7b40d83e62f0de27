"""The few threads that draw, shared by all demo nodes of a process."""

from concurrent.futures import ThreadPoolExecutor

from farm_app.demo.values import Painter


class Workshop:
    """Separate small pools, so that saving and previews never wait behind a large drawing."""

    def __init__(self) -> None:
        """Make the pools; threads start with the first job."""
        self.draw = ThreadPoolExecutor(2, "demo-draw")
        self.preview = ThreadPoolExecutor(1, "demo-preview")
        self.files = ThreadPoolExecutor(2, "demo-files")
        self._warm: set[int] = set()

    def warm_up(self, painter: Painter) -> None:
        """Let a painter draw once, aside: the first picture takes several times as long."""
        if id(painter) not in self._warm:
            self._warm.add(id(painter))
            self.draw.submit(painter.paint, "warm up", "", 0, 64, 64)

    def close(self) -> None:
        """Drop what waits; running jobs end by themselves."""
        for pool in (self.draw, self.preview, self.files):
            pool.shutdown(wait=False, cancel_futures=True)
