"""What is written to a folder: whole or not at all, and nothing of the user's is touched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

import lowtide
import lowtide.files.staging
from lowtide.errors import UsageError
from lowtide.files import OWN, check_file, check_folder, put, write_file, write_folder
from lowtide.files.listing import CERTAIN, NAME, read_listing
from lowtide.files.result import read_result
from lowtide.files.staging import STAGING, stage
from test_cli import lowtide as command
from test_cli import small_network

HERE = Path(__file__).parent
FILES = {"plan.json": b'{"lowtide": 1}', "net.c": b"first", "net_weights.bin": b"stale"}
LATER = {"plan.json": b'{"lowtide": 1}', "net.c": b"later"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux loads and mounts what is asked")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with a result, and with files and a folder of the user's."""
    write_folder(tmp_path / "out", FILES)
    (tmp_path / "out/notes.txt").write_text("years of work")
    (tmp_path / "out/board").mkdir()
    return tmp_path / "out"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def files_of(folder: Path) -> set[str]:
    """The files in a folder and in its folders."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Whatever could change of what is in a folder, links not followed."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_ino,
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else None,
        )
        for path in folder.rglob("*")
    }


def refused(work: Callable[[], object], folder: Path, *words: str) -> None:
    """UsageError with these words, and the folder is as it was."""
    before = state(folder)
    with pytest.raises(UsageError) as caught:
        work()
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert state(folder) == before


@linux
def test_stopped_at_every_system_call(tmp_path: Path) -> None:
    """kill -9 or a full disk at each call of the writing, and at one of whoever comes next.

    Old or new result whole, the user's files there with their bytes, the folder the same one.
    """
    shim = tmp_path / "shim.so"
    build = ["cc", "-shared", "-fPIC", "-o", str(shim), str(HERE / "system_calls.c"), "-ldl"]
    if shutil.which("cc") is None or subprocess.run(build, check=False).returncode:
        pytest.skip("no C compiler that makes a library")
    memory = Path("/dev/shm")  # fsync takes no time there
    home = memory / f"lowtide-test-{os.getpid()}" if os.access(memory, os.W_OK) else tmp_path / "w"
    home.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / "stopped_writer.py"), str(home)],
            env={**os.environ, "LD_PRELOAD": str(shim)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: one["bad"] for name, one in found.items() if one["bad"]} == {}
    for name in ("killed", "killed twice"):
        assert found[name]["calls"] > 60
        assert min(found[name]["seen"].values()) > 10
    assert found["disk full"]["calls"] > 20
    assert found["killed, fresh"]["calls"] > 40
    assert found["killed, one file"]["calls"] > 10
    assert {0, -9} <= set(found["at once"]["codes"])


def test_what_lies_behind_a_link_is_not_lowtides(tmp_path: Path) -> None:
    """out/checks -> elsewhere/: nothing is written, read or removed there; nor is a file."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    judged = {**FILES, "checks/net.c": b"judged"}
    write_folder(out, judged)
    assert read_result(out).files == judged
    (out / "checks").rename(elsewhere)
    (out / "checks").symlink_to(elsewhere)
    before = state(elsewhere)
    refused(lambda: write_folder(out, judged), tmp_path, "checks", "no folder of lowtide's")
    assert read_result(out).changed == ("checks/net.c",)
    write_folder(out, FILES)
    assert state(elsewhere) == before
    (out / "checks").unlink()
    (out / "checks").write_text("a file")
    refused(lambda: write_folder(out, judged), tmp_path, "checks", "no folder of lowtide's")
    (out / "checks").unlink()
    write_folder(out, judged)
    (out / "checks/mine.txt").write_text("mine")
    write_folder(out, FILES)
    assert files_of(out) == {NAME, *FILES, "checks/mine.txt"}
    (out / "checks/mine.txt").unlink()
    write_folder(out, judged)
    write_folder(out, FILES)
    assert not (out / "checks").exists(), "a folder that is empty goes"


def test_the_list_says_what_is_lowtides(out: Path) -> None:
    """Names and digests of this result, the same for the same files; what is stale goes."""
    listed = json.loads((out / NAME).read_text())
    assert listed["lowtide"] == lowtide.__version__
    assert listed["made_by"] == "fit"
    assert list(listed["files"]) == ["net.c", "net_weights.bin", "plan.json"]
    sums = "".join(f"{digest}  {name}\n" for name, digest in listed["files"].items())
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c"], cwd=out, input=sums, text=True, check=True)
    write_folder(out, LATER)
    assert names(out) == {"notes.txt", "board", NAME, "net.c", "plan.json"}
    held = (out / NAME).read_bytes()
    write_folder(out, LATER)
    assert (out / NAME).read_bytes() == held


def test_the_folder_itself_stays(out: Path, tmp_path: Path) -> None:
    """Its mode, owner and inode; also behind a link, which stays a link."""
    out.chmod(0o2770)
    if os.geteuid() == 0:
        os.chown(out, 12345, 12345)
    (tmp_path / "link").symlink_to("out")
    before = out.stat()
    write_folder(tmp_path / "link", LATER)
    after = out.stat()
    assert (tmp_path / "link").is_symlink()
    assert (out / "net.c").read_bytes() == b"later"
    kept = ("st_ino", "st_mode", "st_uid", "st_gid")
    assert all(getattr(before, one) == getattr(after, one) for one in kept)
    assert names(tmp_path) == {"out", "link"}


def test_what_the_user_put_in_the_place_of_a_file_stays(out: Path, tmp_path: Path) -> None:
    """A folder, a link, a file of another making, one that was changed: said, nothing done."""

    def tried(word: str) -> None:
        for work in (check_folder, lambda f, n: write_folder(f, dict.fromkeys(n, b"x"))):
            refused(lambda work=work: work(out, LATER.keys()), tmp_path, "net.c", word)

    (out / "net.c").write_text("my own changes")
    tried("changed since")
    (out / "net.c").unlink()
    (out / "net.c").mkdir()
    (out / "net.c/mine").write_text("mine")
    tried("not lowtide's")
    shutil.rmtree(out / "net.c")
    (tmp_path / "victim").write_bytes(FILES["net.c"])
    (out / "net.c").symlink_to(tmp_path / "victim")
    tried("not lowtide's")
    (out / "net.c").unlink()
    os.mkfifo(out / "net.c")
    tried("not lowtide's")
    (out / "net.c").unlink()
    write_folder(out, {"plan.json": b"{}"})
    (out / "net.c").write_text("mine, and never listed")
    tried("not lowtide's")
    (out / "net.c").unlink()
    write_folder(out, LATER)
    assert (out / "net.c").read_bytes() == b"later"


def test_a_stale_file_that_was_changed_or_replaced_stays(out: Path) -> None:
    (out / "net_weights.bin").write_bytes(b"mine now")
    write_folder(out, LATER)
    assert (out / "net_weights.bin").read_bytes() == b"mine now"
    refused(lambda: write_folder(out, FILES), out, "net_weights.bin", "not lowtide's")
    (out / "net_weights.bin").unlink()
    write_folder(out, FILES)
    (out / "net_weights.bin").unlink()
    (out / "net_weights.bin").mkdir()
    write_folder(out, LATER)
    assert (out / "net_weights.bin").is_dir()


def test_hard_links_keep_their_bytes(out: Path, tmp_path: Path) -> None:
    os.link(out / "net.c", tmp_path / "backup.c")
    write_folder(out, LATER)
    assert (tmp_path / "backup.c").read_bytes() == b"first"


def test_what_is_read_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    """Also where lowtide wrote it, by whatever name it is read; it is the user's from then on."""
    out = tmp_path / "out"
    write_folder(out, {"compressed.onnx": b"small", "net.c": b"first"})
    os.link(out / "compressed.onnx", tmp_path / "same.onnx")
    for read in (out / "compressed.onnx", tmp_path / "same.onnx"):
        refused(
            lambda read=read: check_folder(out, {"compressed.onnx"}, [read]), out, "is read"
        )  # fmt: skip
    (tmp_path / "link").symlink_to("same.onnx")
    write_folder(out, LATER, [tmp_path / "nowhere", tmp_path / "link"])
    assert names(out) == {"compressed.onnx", "net.c", "plan.json", NAME}
    write_folder(out, FILES)
    assert (out / "compressed.onnx").read_bytes() == b"small"
    refused(lambda: write_folder(out, {"compressed.onnx": b""}), out, "not lowtide's")


def test_who_is_interrupted_while_files_are_renamed_ends_that(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between two renames: the result is whole, and that it was written is said."""
    rename, left = os.replace, [1]

    def interrupted(*where: Path) -> None:
        rename(*where)
        if left:
            left.pop()
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        write_folder(out, LATER)
    assert caught.value.__notes__ == [f"{out} was written"]
    assert read_result(out).files == LATER
    assert STAGING not in names(out)


def test_who_finds_a_complete_result_finishes_it(out: Path) -> None:
    """fit before its work, and verify; where something of the user's is in the way it stays."""
    put_later = {**LATER, "net.h": b"new"}

    def pend() -> None:
        stage(out, put_later, lowtide.files.listing.list_files(put_later, "fit"))

    pend()
    (out / "net.h").write_text("mine")
    refused(lambda: check_folder(out), out, "net.h", "not lowtide's", STAGING)
    (out / "net.h").unlink()
    check_folder(out)
    assert read_listing(out) == lowtide.files.listing.list_files(put_later, "fit")
    assert names(out) == {"notes.txt", "board", NAME, *put_later}
    pend()
    (out / STAGING / "net.c").write_text("damaged")
    assert read_result(out).files == put_later
    assert names(out) == {"notes.txt", "board", NAME, *put_later}


def test_what_lies_in_lowtide_new_and_is_not_lowtides_stays(out: Path, tmp_path: Path) -> None:
    (out / STAGING).write_text("mine")
    refused(lambda: check_folder(out), out, STAGING)
    (out / STAGING).unlink()
    (out / STAGING).symlink_to(tmp_path)
    refused(lambda: write_folder(out, LATER), out, STAGING)
    (out / STAGING).unlink()
    (out / STAGING / "net.c").mkdir(parents=True)
    refused(lambda: check_folder(out), out, STAGING)
    (out / STAGING / "net.c").rmdir()
    (out / STAGING / "thesis.tex").write_text("mine")
    refused(lambda: check_folder(out), out, STAGING)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"files": {}}', "[" * 9999, '{"lowtide": "1", "made_by": 1, "files": {}}',
        '{"lowtide": "1", "made_by": "fit", "files": {"../victim": "0"}}',
        '{"lowtide": "1", "made_by": "fit", "files": {"notes.txt": "0"}}',
        '{"lowtide": "1", "made_by": "fit", "files": {"net.c": ["0"]}}',
        '{"lowtide": "1", "made_by": "fit", "files": [], "kept": 1}',
        '{"lowtide": "1", "made_by": "fit", "files": {}}' + " " * (1 << 17),
    ],
)  # fmt: skip
def test_a_list_that_lowtide_did_not_write_is_not_believed(out: Path, text: str) -> None:
    """Neither in the folder nor in .lowtide-new."""
    (out / NAME).write_text(text)
    refused(lambda: check_folder(out, LATER), out, NAME)
    refused(lambda: write_folder(out, LATER), out, NAME)
    refused(lambda: put(out, LATER, (), "fit"), out, NAME)
    assert read_result(out).changed == (NAME,)
    (out / NAME).unlink()
    (out / STAGING).mkdir()
    (out / STAGING / NAME).write_text(text)
    (out / STAGING / "net.c").write_text("half")
    assert read_result(out).files == FILES
    assert STAGING not in names(out)


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    """A user's, one of an older lowtide without a list, and what another command made."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("mine")
    refused(lambda: write_folder(tmp_path / "mine", LATER), tmp_path, "not empty")
    (tmp_path / "old").mkdir()
    (tmp_path / "old/plan.json").write_bytes(FILES["plan.json"])
    refused(lambda: check_folder(tmp_path / "old"), tmp_path, NAME, "remove the rest")
    assert read_result(tmp_path / "old").files == {"plan.json": FILES["plan.json"]}
    write_folder(tmp_path / "front", {"front.svg": b""}, made_by="explore")
    refused(lambda: check_folder(tmp_path / "front"), tmp_path, "what explore wrote")


def test_places_where_no_folder_can_be(tmp_path: Path) -> None:
    """The root, a loop of links, a name that is too long: the reason, before the work."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "file").write_text("")
    for where, word in (
        (Path("/"), "not empty"),
        (tmp_path / "loop", "no folder"),
        (tmp_path / "loop/out", ""),
        (tmp_path / "gone", ""),
        (tmp_path / "file", "no folder"),
        (tmp_path / ("x" * 256), "File name too long"),
        (tmp_path / "deep" / ("x" * 256), "File name too long"),
    ):
        refused(lambda where=where: check_folder(where, LATER), tmp_path, word)
        refused(lambda where=where: write_folder(where, LATER), tmp_path, word)
    write_folder(tmp_path / ("x" * 250), LATER)
    write_folder(tmp_path / ("x" * 250), FILES)
    assert read_result(tmp_path / ("x" * 250)).files == FILES


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes another")
def test_what_another_user_may_not_write(out: Path, tmp_path: Path) -> None:
    """An unwritable parent and folder, and a folder where only some files may be replaced."""

    def as_nobody(work: Callable[[], object]) -> str:
        read, write = os.pipe()
        if not (child := os.fork()):
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                work()
                os.write(write, b"done")
            except UsageError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        with os.fdopen(read) as file:
            return file.read()

    for path in (tmp_path, *tmp_path.parents):
        if not path.stat().st_mode & stat.S_IXOTH:
            path.chmod(path.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
        if path.name.startswith("pytest-of"):
            break
    before = state(tmp_path)
    assert "Permission denied" in as_nobody(lambda: check_folder(tmp_path / "new"))
    assert "Permission denied" in as_nobody(lambda: check_folder(out, LATER))
    assert "Permission denied" in as_nobody(lambda: write_folder(out, LATER))
    assert "Permission denied" in as_nobody(lambda: check_file(tmp_path / "o.onnx", tmp_path / "a"))
    stage(out, LATER, lowtide.files.listing.list_files(LATER, "fit"))
    assert as_nobody(lambda: 1 / (read_result(out).files == LATER)) == "done"  # read where it is
    read_result(out)
    assert read_result(out).files == LATER
    out.chmod(0o1777)  # as /tmp: root's files stay root's
    before = state(out)
    said = as_nobody(lambda: write_folder(out, {"net.c": b"nobody's", "plan.json": b""}))
    assert "not permitted" in said
    assert state(out) == before


@linux
def test_mounts(tmp_path: Path) -> None:
    """A mount point is a folder as others; one for reading is refused, and can be verified."""
    script = tmp_path / "mounts.sh"
    script.write_text(
        f"""set -e
        cd {tmp_path}
        mkdir disk; mount -t tmpfs none disk
        fit() {{ {sys.executable} -c 'import sys; from pathlib import Path
from lowtide.errors import UsageError
from lowtide.files.result import read_result
from lowtide.files import check_folder, write_folder
try:
    check_folder(Path("disk"))
    write_folder(Path("disk"), {{"net.c": sys.argv[1].encode() * int(sys.argv[2])}})
except UsageError as error:
    print(error)
print(len(read_result(Path("disk")).files["net.c"]))' $1 $2; }}
        fit a 1; fit b 2; touch disk/mine; echo -n $(cat disk/net.c) ""; ls -A disk | xargs
        mount -o remount,ro disk; fit c 3; ls -A disk | xargs
        mount -o remount,rw,size=64k disk; fit d 99000; ls -A disk | xargs
        """
    )
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    done = subprocess.run(
        ["unshare", "-rm", "sh", str(script)], capture_output=True, text=True, check=False
    )
    held = "lowtide.json mine net.c"
    assert done.stdout.splitlines() == [
        "1", "2", f"bb {held}",
        "cannot write disk: Read-only file system; choose another with -o", "2", held,
        "cannot write disk: No space left on device", "2", held,
    ], done.stderr  # fmt: skip


def test_only_listed_files_are_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 GB, a pipe that nobody writes to, a secret: whatever else lies there is not opened."""
    with (out / "huge.bin").open("wb") as file:
        file.truncate(20 << 30)
    os.mkfifo(out / "reference.bin")
    (out / "secret").write_text("")
    (out / "secret").chmod(0)
    opened = list[str]()
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: (opened.append(p.name), read(p))[1])
    assert read_result(out).files == FILES
    assert {*opened} == {NAME, *FILES}
    (out / "net.c").write_text("changed")
    (out / "net_weights.bin").unlink()
    assert read_result(out).changed == ("net.c", "net_weights.bin")


def test_a_folder_that_somebody_holds(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(lowtide.files.staging, "_PATIENCE", 0.05)
    with lowtide.files.staging.locked(out):
        refused(lambda: check_folder(out), out, "another process")
        refused(lambda: read_result(out), out, "another process")
    check_folder(out)


def test_one_file(tmp_path: Path) -> None:
    """Its mode stays, links are followed, devices are written to, what is read is not replaced."""
    path, model = tmp_path / ("x" * 250), tmp_path / "net.onnx"
    model.write_bytes(b"model")
    write_file(path, b"first")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path.name)
    os.link(model, tmp_path / "same")
    write_file(tmp_path / "link", b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "link").is_symlink()
    refused(lambda: check_file(tmp_path / "same", model), tmp_path, "is read")
    refused(lambda: check_file(model, path, read=[tmp_path / "same"]), tmp_path, "is read")
    refused(lambda: write_file(tmp_path, b""), tmp_path, "cannot write")
    (tmp_path / "loop").symlink_to("loop")
    refused(lambda: check_file(tmp_path / "loop/file", model), tmp_path, "cannot write")
    refused(lambda: check_file(tmp_path / ("y" * 256), model), tmp_path, "too long")
    for work in (
        lambda: check_file(Path("/dev/null"), model),
        lambda: write_file(Path("/dev/null"), b"x"),
    ):
        work()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(tmp_path) == {path.name, "net.onnx", "link", "same", "loop"}


def test_weights_beside_a_model_are_read_too(tmp_path: Path) -> None:
    """An output that names the model's external data, or the pictures, is refused."""
    model, pictures = tmp_path / "net.onnx", tmp_path / "pictures.npz"
    onnx.save(
        small_network(), model, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    pictures.write_bytes(b"")
    for where in (tmp_path / "w.bin", pictures):
        held = state(tmp_path)
        done = command(
            "compress", model, "--flash", "1KiB", "-o", where, "--calibrate", pictures
        )  # fmt: skip
        assert done.returncode == 2
        assert f"{where} is the file that is read" in done.stderr
        assert state(tmp_path) == held


def test_the_network_may_lie_in_the_folder(tmp_path: Path) -> None:
    """fit does not delete the model that it has just read."""
    model, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(small_network(), model)
    done = command("fit", model, "-o", out)
    assert done.returncode == 0, done.stderr
    assert files_of(out) == {NAME, "main.c", "lowtide.toml", "net_weights.c", *CERTAIN["c99"]}
    model.rename(out / "net.onnx")
    held = (out / "net.onnx").read_bytes()
    for target, code in (("c99", 0), ("onnx", 2)):
        done = command("fit", out / "net.onnx", "-o", out, "--target", target)
        assert done.returncode == code, done.stderr
        assert files_of(out) == {
            NAME,
            "net.onnx",
            "main.c",
            "lowtide.toml",
            "net_weights.c",
            *CERTAIN["c99"],
        }
        assert (out / "net.onnx").read_bytes() == held
    assert "net.onnx" in done.stderr
    assert "is read" in done.stderr
    assert len(done.stderr.splitlines()) == 1  # before any work


def test_what_python_reads_it_keeps(tmp_path: Path) -> None:
    """emit() knows the file of fit()."""
    onnx.save(small_network(), tmp_path / "net.onnx")
    tiles = {"net.onnx": (tmp_path / "net.onnx").read_bytes(), "tiles.json": b'{"lowtide": 1}'}
    write_folder(tmp_path / "out", tiles)
    fitted = lowtide.fit(tmp_path / "out/net.onnx")
    assert {*fitted.files} <= OWN
    fitted.emit("c99", tmp_path / "out")
    assert files_of(tmp_path / "out") == {NAME, "net.onnx", *fitted.files}
    assert read_listing(tmp_path / "out").kept == ("net.onnx",)  # type: ignore[union-attr]
