import { loadPyodide } from "pyodide";

const python = await loadPyodide();
for (const root of ["site", "repo"]) {
  python.FS.mkdirTree(`/${root}`);
  python.FS.mount(python.FS.filesystems.NODEFS, { root }, `/${root}`);
}
process.exitCode = await python.runPythonAsync(`
import os, sys
sys.path[:0] = ["/repo", "/site"]
sys.dont_write_bytecode = True
os.chdir("/repo")
import pytest
tests = ["incremental", "kinds", "ledger", "policy", "prices", "quiet", "record", "site"]
int(pytest.main([
    *(f"tests/test_{name}.py" for name in tests),
    "-q", "-rs", "-p", "no:cacheprovider", "-p", "no:faulthandler",
]))
`);
