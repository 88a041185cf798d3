"""Limits of control groups, in a file system made for the test."""

import os

import pytest

from gcwise._limits import NO_LIMIT, container_limit, plausible

GIB = 2**30


def write(root, files):
    """Write a file system of control groups below `root`; return it as a string."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return os.fspath(root)


class TestContainer:
    """Limits of control groups, in a file system made for the test."""

    MEMORY = "sys/fs/cgroup/memory"

    def test_no_control_groups_no_limit(self, tmp_path):
        """Other systems have no such files."""
        assert container_limit(os.fspath(tmp_path)) == NO_LIMIT

    def test_version_two(self, tmp_path):
        """The one group without controllers has its limit in memory.max."""
        files = {
            "proc/self/cgroup": "0::/jobs/mine\n",
            "sys/fs/cgroup/jobs/mine/memory.max": f"{GIB}\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    def test_version_two_seen_from_inside_a_container(self, tmp_path):
        """There the process is in the root group, which then has a limit."""
        files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize("tightest", ["", "jobs/", "jobs/mine/"])
    def test_any_group_above_may_be_the_one_that_limits(self, tmp_path, tightest):
        """All are read and the tightest counts."""
        groups = ["", "jobs/", "jobs/mine/"]
        files = {f"sys/fs/cgroup/{group}memory.max": f"{4 * GIB}\n" for group in groups}
        files[f"sys/fs/cgroup/{tightest}memory.max"] = f"{GIB}\n"
        files["proc/self/cgroup"] = "0::/jobs/mine\n"
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize("controllers", ["memory", "cpu,memory", "memory,hugetlb"])
    def test_version_one(self, tmp_path, controllers):
        """The memory controller, alone or with others, has a tree of its own."""
        files = {
            "proc/self/cgroup": f"5:cpuset:/other\n4:{controllers}:/docker/0a1b\n1:name=x:/\n",
            f"{self.MEMORY}/docker/0a1b/memory.limit_in_bytes": f"{GIB}\n",
            f"{self.MEMORY}/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpuset/other/memory.limit_in_bytes": "1\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    def test_both_versions_at_once(self, tmp_path):
        """A hybrid system has both trees, and the tighter limit counts."""
        files = {
            "proc/self/cgroup": "4:memory:/mine\n0::/mine\n",
            f"{self.MEMORY}/mine/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/mine/memory.max": f"{GIB}\n",
        }
        assert container_limit(write(tmp_path, files)) == GIB

    @pytest.mark.parametrize(
        "text", ["max\n", "", "9223372036854771712\n", "-1\n", "0\n", "many\n", "\u00b2"]
    )
    def test_what_is_no_limit_is_none(self, tmp_path, text):
        """Words, emptiness, zero and numbers near 2**63 all mean that nothing is limited."""
        files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": text}
        assert container_limit(write(tmp_path, files)) == NO_LIMIT

    @pytest.mark.parametrize("lines", ["nonsense\n", "0:\n", "::\n\n", "a:b:c:d:e\n", "\x00\n"])
    def test_lines_of_another_kind_are_passed_over(self, tmp_path, lines):
        """A future kernel's format must not be an error."""
        limited = {"proc/self/cgroup": f"{lines}0::/mine\n", "sys/fs/cgroup/mine/memory.max": "7\n"}
        assert container_limit(write(tmp_path, limited)) == 7


@pytest.mark.parametrize(("size", "kept"), [(0, 7), (-1, 7), (1, 1), (NO_LIMIT, 7), (GIB, GIB)])
def test_plausible(size, kept):
    """Nothing, less than nothing and more than any memory is not believed."""
    assert plausible(size, 7) == kept
