"""What goes wrong outside a spec: files, runs, checkpoints, environments at work."""

from symgen.explanations.entry import Explanation


def _outside(title: str, text: str, wrong: str, right: str) -> Explanation:
    return Explanation(title, text, wrong, right, outside=True)


USE = {
    "mistyped": _outside(
        "The command makes no sense to symgen.",
        "A verb or an option is misspelt, misplaced, or lacks its value. Options of a verb stand "
        "after it, and `symgen VERB --help` lists them.",
        "symgen --json check my.yaml",
        "symgen check my.yaml --json",
    ),
    "device-not-found": _outside(
        "There is no such device.",
        "A device is cpu, cuda (the first), cuda:1, mps, or auto for the best there is. A device "
        "that torch cannot see may need a driver, or another build of torch.",
        "symgen train specs/control/cartpole_group.yaml --device gpu",
        "symgen train specs/control/cartpole_group.yaml --device auto",
    ),
    "file-not-found": _outside(
        "A file that is needed is not there.",
        "The message names it. Files of a run belong together; copy or move the whole folder.",
        "symgen evaluate runs/cartpole_group/base/0     # without its spec.yaml",
        "symgen evaluate runs/cartpole_group/base/0",
    ),
    "file-unreadable": _outside(
        "A file of a run cannot be read.",
        "It is damaged, cut short, or was written by another version. Make it anew, or take it "
        "from a backup.",
        "echo '{' > runs/cartpole_group/base/0/evaluation.json",
        "symgen evaluate runs/cartpole_group/base/0",
    ),
    "file-changed": _outside(
        "A file of a run is not the one that was written.",
        "Files of a run carry a SHA-256. One that was edited or cut short would give other results "
        "without a word; put it back from a copy. Conditions are changed in the spec that was "
        "trained, which --resume takes over.",
        "nano runs/cartpole_group/base/0/spec.yaml",
        "nano specs/control/cartpole_group.yaml; symgen train specs/control/cartpole_group.yaml "
        "--resume",
    ),
    "import-failed": _outside(
        "A module that --import names cannot be imported.",
        "It is looked for in the working folder first, then like any Python module. A spec cannot "
        "name one, because a spec runs no code.",
        "symgen --import my_envs.py check my.yaml",
        "symgen --import my_envs check my.yaml",
    ),
    "run-not-found": _outside(
        "There is no run at that path.",
        "A run is the folder runs/<spec>/<variant>/<seed>; a folder above it stands for all runs "
        "in it.",
        "symgen evaluate runs/cartpol_group",
        "symgen evaluate runs/cartpole_group",
    ),
    "several-runs": _outside(
        "One run is asked for, and the folder holds several.",
        "A network has the weights of one seed. Name the folder of the seed; the message lists "
        "those there are.",
        "symgen.load('runs/cartpole_group')",
        "symgen.load('runs/cartpole_group/base/0')",
    ),
    "edit-after-training": _outside(
        "An evaluation cannot change what was trained.",
        "The network, the symmetry and the training of a run are what they were. An evaluation may "
        "add conditions, change them, or change options of the environment.",
        "symgen evaluate RUN --set network.width=32",
        "symgen evaluate RUN --set evaluate.windy.observation_noise=0.2",
    ),
    "run-exists": _outside(
        "The run that is to be trained exists already.",
        "Nothing is overwritten unasked: go on with it (--resume), delete it (--force), or write "
        "elsewhere.",
        "symgen train specs/control/cartpole_group.yaml     # a second time",
        "symgen train specs/control/cartpole_group.yaml --resume",
    ),
    "run-changed": _outside(
        "A run cannot be resumed with another spec.",
        "What was trained so far belongs to the spec it was begun with; the message lists what "
        "differs. More steps are the one change that is taken: --resume --steps N.",
        "symgen train specs/control/cartpole_group.yaml --resume --set network.depth=3",
        "symgen train specs/control/cartpole_group.yaml --variant deeper --set network.depth=3",
    ),
    "teacher-itself": _outside(
        "A run cannot be its own teacher.",
        "A student is trained into the folder of its own spec, variant and seed, and that folder "
        "is the teacher's. Nothing of the teacher was changed.",
        "symgen train cartpole.yaml --set train.algorithm=clone "
        "--set train.teacher=runs/cartpole/base/0 --variant base",
        "symgen train cartpole.yaml --set train.algorithm=clone "
        "--set train.teacher=runs/cartpole/base/0 --variant student",
    ),
    "teacher-changed": _outside(
        "The teacher is not the one that the run was begun with.",
        "It was trained on since, or trained anew: a student would be resumed with another teacher "
        "than it has had so far. The run's teacher.json says which weights it was taught by.",
        "symgen train student.yaml --resume     # after the teacher was trained on",
        "symgen train student.yaml --force",
    ),
    "teacher-elsewhere": _outside(
        "What happened to the teacher is not what happened to its student.",
        "A teacher that sees its environment in another way than the student has one of its own, "
        "which starts from the same seed and gets the same actions: both must go the same way. "
        "This one draws something that no seed determines, or not the same when it is seen "
        "otherwise.",
        "symgen train student.yaml     # of an environment with random numbers of its own",
        "symgen train student.yaml --set train.teacher=RUN     # that sees as the student does",
    ),
    "variant-name": _outside(
        "A variant cannot be called that.",
        "It is the name of a folder: at most 100 letters, digits and . _ = , + ~ - and it begins "
        "with a letter or digit.",
        "symgen train SPEC --variant ../elsewhere",
        "symgen train SPEC --variant wide",
    ),
    "run-mixed": _outside(
        "Another spec has its runs in this folder.",
        "A folder runs/<spec> belongs to one spec, and its variant folders to one edit of it each: "
        "means over seeds of different specs mean nothing. Two files of one name in different "
        "folders share it.",
        "symgen train a/agent.yaml; symgen train b/agent.yaml --seed 1",
        "symgen train a/agent.yaml; symgen train b/agent.yaml --seed 1 --runs runs_b",
    ),
    "run-busy": _outside(
        "Another process is training this run.",
        "Two trainings never write to one folder. Wait for the other, stop it, or write elsewhere.",
        "symgen train specs/control/cartpole_group.yaml     # in two terminals at once",
        "symgen train specs/control/cartpole_group.yaml --runs elsewhere",
    ),
    "folder-not-writable": _outside(
        "The folder of a run cannot be written to.",
        "You may lack the permission, the disk may be full, or a file stands where a folder is "
        "needed.",
        "symgen train SPEC --runs /dev/null",
        "symgen train SPEC --runs runs",
    ),
    "nothing-to-train": _outside(
        "The spec has no train: section.",
        "A spec without one can be checked, planned and verified, and not trained.",
        "symgen train SPEC     # a spec without train:",
        "train: {algorithm: ppo, steps: 100_000}",
    ),
    "unverified-arm": _outside(
        "An arm of a study is not what it claims.",
        "Its network was measured and does not have the symmetry of the arm, or shows nothing of "
        "it. It is left out of the study, as symgen train leaves it out; the others run.",
        "symgen ablate specs/control/pendulum_d1.yaml     # with an arm that is too narrow",
        "symgen verify specs/control/pendulum_d1.yaml --set ...     # with the edits of the arm",
    ),
    "not-evaluated": _outside(
        "The run has not been evaluated yet, not since it was trained on, or its seeds not in the "
        "same way.",
        "--stored shows what is stored of each run; make it first, for all seeds with the same "
        "options.",
        "symgen evaluate runs/cartpole_group --stored",
        "symgen evaluate runs/cartpole_group",
    ),
    "not-comparable": _outside(
        "These runs cannot stand in one report.",
        "Numbers are compared where they were made alike: every run evaluated with the same "
        "options, one run per seed of an arm, and several specs only over arms that all of them "
        "have, with a range stated for each. The message says which is not so.",
        "symgen report runs/cartpole_group runs/pendulum_d1     # with no arm in common",
        "symgen report runs/cartpole_group",
    ),
    "report-format": _outside(
        "A report cannot be written so.",
        "A report is a page (html), Markdown (md), the numbers of every seed and condition (csv), "
        "or figures for a paper (pdf); several are named with commas.",
        "symgen report runs/cartpole_group --format word",
        "symgen report runs/cartpole_group --format html,csv",
    ),
    "video-format": _outside(
        "The video cannot be made.",
        "A video is an .mp4 or a .gif, and the environment must be able to draw itself.",
        "symgen evaluate RUN --video agent.avi",
        "symgen evaluate RUN --video agent.mp4",
    ),
    "checkpoint-not-found": _outside(
        "The run has no checkpoint of that name.",
        "There is last, best, and step-<n> for those that were kept; the message lists them.",
        "symgen evaluate RUN --checkpoint newest",
        "symgen evaluate RUN --checkpoint last",
    ),
    "checkpoint-damaged": _outside(
        "A checkpoint cannot be used.",
        "It is cut short, or belongs to another network or version. Use another checkpoint, or "
        "train again.",
        "symgen evaluate RUN --checkpoint last     # after the disk was full",
        "symgen evaluate RUN --checkpoint best",
    ),
    "checkpoint-meaning": _outside(
        "The weights of a checkpoint meant another function when they were written.",
        "Now and then a version of symgen computes something else from the same weights; the "
        "message says what. A checkpoint that no such change concerns is loaded whatever its age. "
        "Train again, or use the older symgen.",
        "symgen evaluate runs/acrobot/base/0     # trained by a symgen that computed something "
        "else",
        "symgen train acrobot.yaml --force",
    ),
    "environment-failed": _outside(
        "The environment raised an error, or gave something else than its spaces say.",
        "The message holds its own words and the place in its code. A training that was under way "
        "has kept its last checkpoint.",
        "return np.zeros(5), 0.0, False, False, {}     # where observation_space is Box(-1, 1, "
        "(4,))",
        "return np.zeros(4, np.float32), 0.0, False, False, {}",
    ),
    "process-killed": _outside(
        "A training process was ended from outside.",
        "Most often memory ran out. The run was begun again from its last checkpoint, twice, and "
        "its process was ended again. The checkpoint is safe: go on with fewer processes side by "
        "side.",
        "symgen train SPEC --jobs 16",
        "symgen train SPEC --jobs 4 --resume",
    ),
    "cluster-unreachable": _outside(
        "There is no such cluster, or it takes no such options.",
        "`--ray` wants the address of a running Ray cluster, or `local` for one that is begun for "
        "this study. `--slurm` wants options of submitit, and a machine from which jobs can be "
        "submitted. The runs must lie in a folder that all nodes share.",
        "symgen ablate SPEC --ray head:6379     # where no cluster runs",
        "symgen ablate SPEC --ray local",
    ),
    "undecidable": _outside(
        "Seeds added until arms are told apart would never tell them apart.",
        "`--until decided` adds the seeds of the spec, or of --seeds, batch by batch, up to "
        "--max-seeds, and compares every arm with the spec itself by its evaluations. It needs two "
        "arms, an evaluation, and seeds enough: with very few, the level of 5 % is never reached, "
        "however different the arms.",
        "symgen ablate SPEC --seeds 2 --until decided --max-seeds 2",
        "symgen ablate SPEC --seeds 5 --until decided --max-seeds 20",
    ),
    "action-mask": _outside(
        "The environment forbids some actions, and nothing here keeps to that.",
        "Its info has an action_mask. Policies here choose among all actions. Where the others are "
        "harmless the mask can be ignored; where not, a wrapper must play something else in their "
        "place.",
        "train: {algorithm: ppo, steps: 100_000}     # of Taxi-v3",
        "train: {algorithm: ppo, steps: 100_000, ignore_action_mask: true}",
    ),
    "environment-not-finite": _outside(
        "The environment returns an observation or a reward that is not a finite number.",
        "Nothing can be compared with or learnt from NaN or infinity. Look for a division by zero, "
        "a logarithm of zero, or a state that grows without bound in its step and reset.",
        "return observation, np.log(distance), terminated, truncated, {}",
        "return observation, np.log(max(distance, 1e-3)), terminated, truncated, {}",
    ),
    "loss-not-finite": _outside(
        "Training diverged: the loss is not a number.",
        "The learning rate may be too high, or the environment may return rewards or observations "
        "that are not finite.",
        "train: {algorithm: ppo, learning_rate: 1.0}",
        "train: {algorithm: ppo, learning_rate: 3e-4}",
    ),
    "replay-memory": _outside(
        "The replay does not fit in memory.",
        "Transitions are kept in memory; pictures are large. Keep fewer, or allow more memory if "
        "the machine has it.",
        "train: {algorithm: sac, replay: 1_000_000}     # of three frames of 85x85 pixels: 65 GB",
        "train: {algorithm: sac, replay: 100_000}",
    ),
    "endless-episode": _outside(
        "An episode does not end.",
        "Evaluation counts finished episodes, so the environment needs a time limit.",
        "gymnasium.register(id='Endless-v0', entry_point=Endless)",
        "gymnasium.register(id='Endless-v0', entry_point=Endless, max_episode_steps=1000)",
    ),
    "autoreset-mode": _outside(
        "A vector environment does not reset itself.",
        "Training needs to know when an episode begins anew. Gymnasium's vector environments say "
        "so in their metadata.",
        "SyncVectorEnv(envs, autoreset_mode=AutoresetMode.DISABLED)",
        "SyncVectorEnv(envs, autoreset_mode=AutoresetMode.NEXT_STEP)",
    ),
    "no-renderer": _outside(
        "This machine cannot draw the environment.",
        "MuJoCo draws with OpenGL: through EGL (a graphics card, or Mesa in software), OSMesa, or "
        "a window. MUJOCO_GL chooses; without a display EGL is tried by itself. Observing the "
        "state needs none of them.",
        "MUJOCO_GL=osmesa symgen train specs/dm_control/cartpole_pixels_d1.yaml     # without the "
        "library OSMesa",
        "MUJOCO_GL=egl symgen train specs/dm_control/cartpole_pixels_d1.yaml",
    ),
    "observation-space": _outside(
        "The observation is not made of arrays.",
        "Networks take arrays, or a flat dict of arrays. Flatten anything else with one of "
        "Gymnasium's wrappers.",
        "Dict({'robot': Dict({'pose': Box(...)})})",
        "Dict({'robot_pose': Box(...)})",
    ),
}
