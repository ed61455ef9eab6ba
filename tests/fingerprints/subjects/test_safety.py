"""What a stranger's folder may hold: everything that could run code, escape or explode is
refused before it is parsed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, UnsafeInput
from fingerprints.subjects.safety import inspect_adapter, inspect_checkpoint
from tests.fingerprints.subjects.tiny import edit_json, tiny_checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def test_a_whole_checkpoint_passes_and_is_measured(folder: Path) -> None:
    found = inspect_checkpoint(folder)
    assert (found.architecture, found.notes) == ("LlamaForCausalLM", ())
    assert 20_000 < found.parameters < 60_000


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt", "a.PKL"])
def test_a_pickle_alone_is_refused_and_stays_unread(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch /tmp/never'\ntR.")
    with pytest.raises(UnsafeInput, match="pickle"):
        inspect_checkpoint(folder)


def test_a_pickle_beside_safetensors_is_ignored_and_said(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert inspect_checkpoint(folder).notes == ("ignored unread: pytorch_model.bin",)


@pytest.mark.parametrize(
    ("file", "change", "key"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
        (
            "config.json",
            {"_attn_implementation_internal": "evil/kernel"},
            "_attn_implementation_internal",
        ),
        ("config.json", {"text_config": {"trust_remote_code": True}}, "trust_remote_code"),
        (
            "config.json",
            {"_attn_implementation_autoset": "evil/kernel"},
            "_attn_implementation_autoset",
        ),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tok", None]}}, "auto_map"),
        ("generation_config.json", {"custom_generate": "evil/loop"}, "custom_generate"),
    ],
)
def test_a_key_that_asks_for_code_is_named(
    folder: Path, file: str, change: dict[str, object], key: str
) -> None:
    edit_json(folder / file, **change)
    with pytest.raises(UnsafeInput, match=f"'{key}'"):
        inspect_checkpoint(folder)


def test_the_boolean_that_old_libraries_wrote_is_no_code(folder: Path) -> None:
    edit_json(folder / "config.json", _attn_implementation_autoset=True)
    assert inspect_checkpoint(folder).parameters > 0


def test_code_beside_the_weights_is_refused(folder: Path) -> None:
    (folder / "modeling_tiny.py").write_text("raise SystemExit('ran')", "utf-8")
    with pytest.raises(UnsafeInput, match=r"modeling_tiny\.py"):
        inspect_checkpoint(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"num_hidden_layers": 10**9},
        {"vocab_size": 2**40},
        {"hidden_size": 1e300},
        {"text_config": {"intermediate_size": 2**50}},
        {"num_hidden_layers": -1},
    ],
)
def test_a_config_bomb_is_refused_by_its_number(folder: Path, change: dict[str, object]) -> None:
    edit_json(folder / "config.json", **change)
    with pytest.raises(ResourceLimit, match="no known model"):
        inspect_checkpoint(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "nonesuch"}, "no causal language model"),
        ({"model_type": None}, "no causal language model"),
        ({"model_type": ["llama"]}, "no causal language model"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised"),
    ],
)
def test_what_transformers_can_not_run_is_said(
    folder: Path, change: dict[str, object], words: str
) -> None:
    edit_json(folder / "config.json", **change)
    with pytest.raises(MalformedInput, match=words):
        inspect_checkpoint(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"', "[" * 100_000])
def test_a_config_that_is_no_object_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, "utf-8")
    with pytest.raises(MalformedInput):
        inspect_checkpoint(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_git_lfs_pointer_has_its_own_message(folder: Path, name: str) -> None:
    (folder / name).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "utf-8"
    )
    with pytest.raises(MalformedInput, match="git-LFS"):
        inspect_checkpoint(folder)


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}", "utf-8")
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    (folder / "special_tokens_map.json").symlink_to(secret)
    with pytest.raises(UnsafeInput, match="out of the folder"):
        inspect_checkpoint(folder)


def test_a_link_loop_is_refused(folder: Path) -> None:
    (folder / "loop.json").symlink_to(folder / "loop.json")
    with pytest.raises(UnsafeInput, match="leads nowhere"):
        inspect_checkpoint(folder)


def test_the_links_of_the_hub_cache_are_fine_for_hub_models(whole: Path, tmp_path: Path) -> None:
    blobs, snapshot = (
        tmp_path / "models--a--b" / "blobs",
        tmp_path / "models--a--b" / "snapshots" / "abc",
    )
    shutil.copytree(whole, blobs)
    snapshot.mkdir(parents=True)
    for blob in blobs.iterdir():
        (snapshot / blob.name).symlink_to(Path("../../blobs") / blob.name)
    assert inspect_checkpoint(snapshot, from_hub=True).parameters > 0
    with pytest.raises(UnsafeInput):
        inspect_checkpoint(snapshot)


@pytest.mark.parametrize(
    ("shard", "kind"),
    [
        ("../outside.safetensors", UnsafeInput),
        ("/etc/passwd", UnsafeInput),
        ("gone.safetensors", MalformedInput),
    ],
)
def test_a_shard_index_lists_only_files_of_the_folder(
    folder: Path, shard: str, kind: type[AuditError]
) -> None:
    index = {"metadata": {}, "weight_map": {"a": shard}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(kind):
        inspect_checkpoint(folder)


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "{"]
)
def test_a_broken_shard_index_is_refused(folder: Path, text: str) -> None:
    (folder / "model.safetensors.index.json").write_text(text, "utf-8")
    with pytest.raises(MalformedInput, match="shard index"):
        inspect_checkpoint(folder)


def test_a_giant_tokenizer_or_template_is_refused_by_size(folder: Path) -> None:
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ResourceLimit, match="larger than"):
        inspect_checkpoint(folder)


@pytest.mark.parametrize("file", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_giant_template_is_refused_wherever_it_stands(folder: Path, file: str) -> None:
    text = "x" * 300_000
    if file.endswith(".json"):
        edit_json(folder / file, chat_template=text)
    else:
        (folder / file).write_text(text, "utf-8")
    with pytest.raises(ResourceLimit, match="chat template"):
        inspect_checkpoint(folder)


def test_a_lone_adapter_says_that_its_base_is_needed(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(MalformedInput, match=r"hf:BASE,adapter="):
        inspect_checkpoint(tmp_path)


def test_an_adapter_that_names_a_strange_library_is_refused(tmp_path: Path) -> None:
    mapping = {"auto_mapping": {"base_model_class": "Model", "parent_library": "evil"}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(mapping), "utf-8")
    with pytest.raises(UnsafeInput, match="auto_mapping"):
        inspect_adapter(tmp_path)


def test_an_adapter_of_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", "utf-8")
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UnsafeInput, match="pickle"):
        inspect_adapter(tmp_path)


def test_no_weights_and_no_folder_are_said(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(MalformedInput, match="no weights"):
        inspect_checkpoint(folder)
    with pytest.raises(MalformedInput, match="not a folder"):
        inspect_checkpoint(folder / "config.json")
