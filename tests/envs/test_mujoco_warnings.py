"""MuJoCo is silent about models that Gymnasium ships, and says what goes wrong in a simulation."""

import numpy as np
import pytest

from symgen.envs import gymnasium_env
from symgen.envs._mujoco_warnings import silent_models
from symgen.envs.gymnasium_env import Options
from symgen.errors import Refusal

mujoco = pytest.importorskip("mujoco")
LOG = "MUJOCO_LOG.TXT"


@pytest.fixture(autouse=True)
def working_folder(monkeypatch, tmp_path):
    """MuJoCo writes its warnings there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told():
    """What MuJoCo warns of, as a handler of somebody else's hears it."""
    messages = []
    mujoco.set_mju_user_warning(messages.append)
    yield messages
    mujoco.set_mju_user_warning(None)


def test_environments_are_made_in_silence(working_folder, capfd):
    envs = gymnasium_env.make(Options(id="HalfCheetah-v5"), 2, 0)
    envs.close()
    assert not (working_folder / LOG).exists()
    assert capfd.readouterr().err == ""


def test_a_simulation_that_goes_wrong_is_told(told):
    env = gymnasium_env.make(Options(id="InvertedPendulum-v5"), 1, 0)
    data = env.envs[0].unwrapped.data
    data.qpos[:] = np.nan
    mujoco.mj_step(env.envs[0].unwrapped.model, data)
    env.close()
    assert any("QPOS" in message for message in told)


def test_another_handler_is_put_back(told):
    mine = mujoco.get_mju_user_warning()
    with silent_models("Ant-v5"):
        assert mujoco.get_mju_user_warning() is not mine
    assert mujoco.get_mju_user_warning() is mine


def test_it_is_put_back_where_the_environment_cannot_be_made(told):
    mine = mujoco.get_mju_user_warning()
    with pytest.raises(Refusal, match="takes no argument"):
        gymnasium_env.make(Options(id="Ant-v5", kwargs={"legs": 6}), 1, 0)
    assert mujoco.get_mju_user_warning() is mine


@pytest.mark.parametrize("name", ["CartPole-v1", "Nothing-v0"])
def test_what_is_none_of_mujoco_s_is_left_alone(name, told):
    mine = mujoco.get_mju_user_warning()
    with silent_models(name):
        assert mujoco.get_mju_user_warning() is mine
