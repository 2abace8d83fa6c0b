"""horse68 for MMPose. dataset_pipeline/build_dataset/build_metainfo.py writes this file: change that."""

dataset_info = dict(
    dataset_name="horse68",
    paper_info=dict(
        author="The KinEquiMation authors",
        title="KinEquiMation: rendered horses with the joints of Blender's Rigify horse",
        container="",
        year="",
        homepage="",
    ),
    keypoint_info={
        0: dict(name="DEF-breast.L", id=0, color=[255, 140, 26], type="upper", swap="DEF-breast.R"),
        1: dict(name="DEF-breast.R", id=1, color=[74, 168, 255], type="upper", swap="DEF-breast.L"),
        2: dict(name="DEF-chest", id=2, color=[255, 255, 255], type="upper", swap=""),
        3: dict(name="DEF-ear.L", id=3, color=[255, 140, 26], type="upper", swap="DEF-ear.R"),
        4: dict(name="DEF-ear.L.001", id=4, color=[255, 140, 26], type="upper", swap="DEF-ear.R.001"),
        5: dict(name="DEF-ear.R", id=5, color=[74, 168, 255], type="upper", swap="DEF-ear.L"),
        6: dict(name="DEF-ear.R.001", id=6, color=[74, 168, 255], type="upper", swap="DEF-ear.L.001"),
        7: dict(name="DEF-eye.L", id=7, color=[255, 140, 26], type="upper", swap="DEF-eye.R"),
        8: dict(name="DEF-eye.R", id=8, color=[74, 168, 255], type="upper", swap="DEF-eye.L"),
        9: dict(name="DEF-f_hoof.L", id=9, color=[255, 140, 26], type="upper", swap="DEF-f_hoof.R"),
        10: dict(name="DEF-f_hoof.R", id=10, color=[74, 168, 255], type="upper", swap="DEF-f_hoof.L"),
        11: dict(name="DEF-f_toe.L", id=11, color=[255, 140, 26], type="upper", swap="DEF-f_toe.R"),
        12: dict(name="DEF-f_toe.R", id=12, color=[74, 168, 255], type="upper", swap="DEF-f_toe.L"),
        13: dict(name="DEF-forearm.L", id=13, color=[255, 140, 26], type="upper", swap="DEF-forearm.R"),
        14: dict(name="DEF-forearm.L.001", id=14, color=[255, 140, 26], type="upper", swap="DEF-forearm.R.001"),
        15: dict(name="DEF-forearm.R", id=15, color=[74, 168, 255], type="upper", swap="DEF-forearm.L"),
        16: dict(name="DEF-forearm.R.001", id=16, color=[74, 168, 255], type="upper", swap="DEF-forearm.L.001"),
        17: dict(name="DEF-forefoot.L", id=17, color=[255, 140, 26], type="upper", swap="DEF-forefoot.R"),
        18: dict(name="DEF-forefoot.L.001", id=18, color=[255, 140, 26], type="upper", swap="DEF-forefoot.R.001"),
        19: dict(name="DEF-forefoot.R", id=19, color=[74, 168, 255], type="upper", swap="DEF-forefoot.L"),
        20: dict(name="DEF-forefoot.R.001", id=20, color=[74, 168, 255], type="upper", swap="DEF-forefoot.L.001"),
        21: dict(name="DEF-head", id=21, color=[255, 255, 255], type="upper", swap=""),
        22: dict(name="DEF-hind_foot.L", id=22, color=[255, 140, 26], type="lower", swap="DEF-hind_foot.R"),
        23: dict(name="DEF-hind_foot.L.001", id=23, color=[255, 140, 26], type="lower", swap="DEF-hind_foot.R.001"),
        24: dict(name="DEF-hind_foot.R", id=24, color=[74, 168, 255], type="lower", swap="DEF-hind_foot.L"),
        25: dict(name="DEF-hind_foot.R.001", id=25, color=[74, 168, 255], type="lower", swap="DEF-hind_foot.L.001"),
        26: dict(name="DEF-jaw", id=26, color=[255, 255, 255], type="upper", swap=""),
        27: dict(name="DEF-jaw.001", id=27, color=[255, 255, 255], type="upper", swap=""),
        28: dict(name="DEF-lower_leg.L", id=28, color=[255, 140, 26], type="lower", swap="DEF-lower_leg.R"),
        29: dict(name="DEF-lower_leg.L.001", id=29, color=[255, 140, 26], type="lower", swap="DEF-lower_leg.R.001"),
        30: dict(name="DEF-lower_leg.R", id=30, color=[74, 168, 255], type="lower", swap="DEF-lower_leg.L"),
        31: dict(name="DEF-lower_leg.R.001", id=31, color=[74, 168, 255], type="lower", swap="DEF-lower_leg.L.001"),
        32: dict(name="DEF-neck.001", id=32, color=[255, 255, 255], type="upper", swap=""),
        33: dict(name="DEF-neck.002", id=33, color=[255, 255, 255], type="upper", swap=""),
        34: dict(name="DEF-neck.003", id=34, color=[255, 255, 255], type="upper", swap=""),
        35: dict(name="DEF-neck.004", id=35, color=[255, 255, 255], type="upper", swap=""),
        36: dict(name="DEF-nose.L", id=36, color=[255, 140, 26], type="upper", swap="DEF-nose.R"),
        37: dict(name="DEF-nose.R", id=37, color=[74, 168, 255], type="upper", swap="DEF-nose.L"),
        38: dict(name="DEF-pelvis.L", id=38, color=[255, 140, 26], type="lower", swap="DEF-pelvis.R"),
        39: dict(name="DEF-pelvis.R", id=39, color=[74, 168, 255], type="lower", swap="DEF-pelvis.L"),
        40: dict(name="DEF-r_hoof.L", id=40, color=[255, 140, 26], type="lower", swap="DEF-r_hoof.R"),
        41: dict(name="DEF-r_hoof.R", id=41, color=[74, 168, 255], type="lower", swap="DEF-r_hoof.L"),
        42: dict(name="DEF-r_toe.L", id=42, color=[255, 140, 26], type="lower", swap="DEF-r_toe.R"),
        43: dict(name="DEF-r_toe.R", id=43, color=[74, 168, 255], type="lower", swap="DEF-r_toe.L"),
        44: dict(name="DEF-shoulder.L", id=44, color=[255, 140, 26], type="upper", swap="DEF-shoulder.R"),
        45: dict(name="DEF-shoulder.R", id=45, color=[74, 168, 255], type="upper", swap="DEF-shoulder.L"),
        46: dict(name="DEF-skull", id=46, color=[255, 255, 255], type="upper", swap=""),
        47: dict(name="DEF-skull.L", id=47, color=[255, 140, 26], type="upper", swap="DEF-skull.R"),
        48: dict(name="DEF-skull.R", id=48, color=[74, 168, 255], type="upper", swap="DEF-skull.L"),
        49: dict(name="DEF-spine.001", id=49, color=[255, 255, 255], type="lower", swap=""),
        50: dict(name="DEF-spine.002", id=50, color=[255, 255, 255], type="lower", swap=""),
        51: dict(name="DEF-spine.003", id=51, color=[255, 255, 255], type="upper", swap=""),
        52: dict(name="DEF-spine.004", id=52, color=[255, 255, 255], type="upper", swap=""),
        53: dict(name="DEF-spine.005", id=53, color=[255, 255, 255], type="upper", swap=""),
        54: dict(name="DEF-spine.006", id=54, color=[255, 255, 255], type="upper", swap=""),
        55: dict(name="DEF-tail.001", id=55, color=[255, 255, 255], type="lower", swap=""),
        56: dict(name="DEF-tail.002", id=56, color=[255, 255, 255], type="lower", swap=""),
        57: dict(name="DEF-tail.003", id=57, color=[255, 255, 255], type="lower", swap=""),
        58: dict(name="DEF-tail.004", id=58, color=[255, 255, 255], type="lower", swap=""),
        59: dict(name="DEF-tail.005", id=59, color=[255, 255, 255], type="lower", swap=""),
        60: dict(name="DEF-thigh.L", id=60, color=[255, 140, 26], type="lower", swap="DEF-thigh.R"),
        61: dict(name="DEF-thigh.L.001", id=61, color=[255, 140, 26], type="lower", swap="DEF-thigh.R.001"),
        62: dict(name="DEF-thigh.R", id=62, color=[74, 168, 255], type="lower", swap="DEF-thigh.L"),
        63: dict(name="DEF-thigh.R.001", id=63, color=[74, 168, 255], type="lower", swap="DEF-thigh.L.001"),
        64: dict(name="DEF-upper_arm.L", id=64, color=[255, 140, 26], type="upper", swap="DEF-upper_arm.R"),
        65: dict(name="DEF-upper_arm.L.001", id=65, color=[255, 140, 26], type="upper", swap="DEF-upper_arm.R.001"),
        66: dict(name="DEF-upper_arm.R", id=66, color=[74, 168, 255], type="upper", swap="DEF-upper_arm.L"),
        67: dict(name="DEF-upper_arm.R.001", id=67, color=[74, 168, 255], type="upper", swap="DEF-upper_arm.L.001"),
    },
    skeleton_info={
        0: dict(link=("DEF-spine.006", "DEF-breast.L"), id=0, color=[255, 140, 26]),
        1: dict(link=("DEF-spine.006", "DEF-breast.R"), id=1, color=[74, 168, 255]),
        2: dict(link=("DEF-spine.005", "DEF-chest"), id=2, color=[255, 255, 255]),
        3: dict(link=("DEF-head", "DEF-ear.L"), id=3, color=[255, 140, 26]),
        4: dict(link=("DEF-ear.L", "DEF-ear.L.001"), id=4, color=[255, 140, 26]),
        5: dict(link=("DEF-head", "DEF-ear.R"), id=5, color=[74, 168, 255]),
        6: dict(link=("DEF-ear.R", "DEF-ear.R.001"), id=6, color=[74, 168, 255]),
        7: dict(link=("DEF-head", "DEF-eye.L"), id=7, color=[255, 140, 26]),
        8: dict(link=("DEF-head", "DEF-eye.R"), id=8, color=[74, 168, 255]),
        9: dict(link=("DEF-f_toe.L", "DEF-f_hoof.L"), id=9, color=[255, 140, 26]),
        10: dict(link=("DEF-f_toe.R", "DEF-f_hoof.R"), id=10, color=[74, 168, 255]),
        11: dict(link=("DEF-forefoot.L.001", "DEF-f_toe.L"), id=11, color=[255, 140, 26]),
        12: dict(link=("DEF-forefoot.R.001", "DEF-f_toe.R"), id=12, color=[74, 168, 255]),
        13: dict(link=("DEF-upper_arm.L.001", "DEF-forearm.L"), id=13, color=[255, 140, 26]),
        14: dict(link=("DEF-forearm.L", "DEF-forearm.L.001"), id=14, color=[255, 140, 26]),
        15: dict(link=("DEF-upper_arm.R.001", "DEF-forearm.R"), id=15, color=[74, 168, 255]),
        16: dict(link=("DEF-forearm.R", "DEF-forearm.R.001"), id=16, color=[74, 168, 255]),
        17: dict(link=("DEF-forearm.L.001", "DEF-forefoot.L"), id=17, color=[255, 140, 26]),
        18: dict(link=("DEF-forefoot.L", "DEF-forefoot.L.001"), id=18, color=[255, 140, 26]),
        19: dict(link=("DEF-forearm.R.001", "DEF-forefoot.R"), id=19, color=[74, 168, 255]),
        20: dict(link=("DEF-forefoot.R", "DEF-forefoot.R.001"), id=20, color=[74, 168, 255]),
        21: dict(link=("DEF-neck.004", "DEF-head"), id=21, color=[255, 255, 255]),
        22: dict(link=("DEF-lower_leg.L.001", "DEF-hind_foot.L"), id=22, color=[255, 140, 26]),
        23: dict(link=("DEF-hind_foot.L", "DEF-hind_foot.L.001"), id=23, color=[255, 140, 26]),
        24: dict(link=("DEF-lower_leg.R.001", "DEF-hind_foot.R"), id=24, color=[74, 168, 255]),
        25: dict(link=("DEF-hind_foot.R", "DEF-hind_foot.R.001"), id=25, color=[74, 168, 255]),
        26: dict(link=("DEF-head", "DEF-jaw"), id=26, color=[255, 255, 255]),
        27: dict(link=("DEF-jaw", "DEF-jaw.001"), id=27, color=[255, 255, 255]),
        28: dict(link=("DEF-thigh.L.001", "DEF-lower_leg.L"), id=28, color=[255, 140, 26]),
        29: dict(link=("DEF-lower_leg.L", "DEF-lower_leg.L.001"), id=29, color=[255, 140, 26]),
        30: dict(link=("DEF-thigh.R.001", "DEF-lower_leg.R"), id=30, color=[74, 168, 255]),
        31: dict(link=("DEF-lower_leg.R", "DEF-lower_leg.R.001"), id=31, color=[74, 168, 255]),
        32: dict(link=("DEF-spine.006", "DEF-neck.001"), id=32, color=[255, 255, 255]),
        33: dict(link=("DEF-neck.001", "DEF-neck.002"), id=33, color=[255, 255, 255]),
        34: dict(link=("DEF-neck.002", "DEF-neck.003"), id=34, color=[255, 255, 255]),
        35: dict(link=("DEF-neck.003", "DEF-neck.004"), id=35, color=[255, 255, 255]),
        36: dict(link=("DEF-head", "DEF-nose.L"), id=36, color=[255, 140, 26]),
        37: dict(link=("DEF-head", "DEF-nose.R"), id=37, color=[74, 168, 255]),
        38: dict(link=("DEF-spine.001", "DEF-pelvis.L"), id=38, color=[255, 140, 26]),
        39: dict(link=("DEF-spine.001", "DEF-pelvis.R"), id=39, color=[74, 168, 255]),
        40: dict(link=("DEF-r_toe.L", "DEF-r_hoof.L"), id=40, color=[255, 140, 26]),
        41: dict(link=("DEF-r_toe.R", "DEF-r_hoof.R"), id=41, color=[74, 168, 255]),
        42: dict(link=("DEF-hind_foot.L.001", "DEF-r_toe.L"), id=42, color=[255, 140, 26]),
        43: dict(link=("DEF-hind_foot.R.001", "DEF-r_toe.R"), id=43, color=[74, 168, 255]),
        44: dict(link=("DEF-spine.006", "DEF-shoulder.L"), id=44, color=[255, 140, 26]),
        45: dict(link=("DEF-spine.006", "DEF-shoulder.R"), id=45, color=[74, 168, 255]),
        46: dict(link=("DEF-head", "DEF-skull"), id=46, color=[255, 255, 255]),
        47: dict(link=("DEF-head", "DEF-skull.L"), id=47, color=[255, 140, 26]),
        48: dict(link=("DEF-head", "DEF-skull.R"), id=48, color=[74, 168, 255]),
        49: dict(link=("DEF-spine.001", "DEF-spine.002"), id=49, color=[255, 255, 255]),
        50: dict(link=("DEF-spine.002", "DEF-spine.003"), id=50, color=[255, 255, 255]),
        51: dict(link=("DEF-spine.003", "DEF-spine.004"), id=51, color=[255, 255, 255]),
        52: dict(link=("DEF-spine.004", "DEF-spine.005"), id=52, color=[255, 255, 255]),
        53: dict(link=("DEF-spine.005", "DEF-spine.006"), id=53, color=[255, 255, 255]),
        54: dict(link=("DEF-spine.001", "DEF-tail.001"), id=54, color=[255, 255, 255]),
        55: dict(link=("DEF-tail.001", "DEF-tail.002"), id=55, color=[255, 255, 255]),
        56: dict(link=("DEF-tail.002", "DEF-tail.003"), id=56, color=[255, 255, 255]),
        57: dict(link=("DEF-tail.003", "DEF-tail.004"), id=57, color=[255, 255, 255]),
        58: dict(link=("DEF-tail.004", "DEF-tail.005"), id=58, color=[255, 255, 255]),
        59: dict(link=("DEF-pelvis.L", "DEF-thigh.L"), id=59, color=[255, 140, 26]),
        60: dict(link=("DEF-thigh.L", "DEF-thigh.L.001"), id=60, color=[255, 140, 26]),
        61: dict(link=("DEF-pelvis.R", "DEF-thigh.R"), id=61, color=[74, 168, 255]),
        62: dict(link=("DEF-thigh.R", "DEF-thigh.R.001"), id=62, color=[74, 168, 255]),
        63: dict(link=("DEF-shoulder.L", "DEF-upper_arm.L"), id=63, color=[255, 140, 26]),
        64: dict(link=("DEF-upper_arm.L", "DEF-upper_arm.L.001"), id=64, color=[255, 140, 26]),
        65: dict(link=("DEF-shoulder.R", "DEF-upper_arm.R"), id=65, color=[74, 168, 255]),
        66: dict(link=("DEF-upper_arm.R", "DEF-upper_arm.R.001"), id=66, color=[74, 168, 255]),
    },
    joint_weights=[1.0] * 68,
    sigmas=[
        0.09,  # DEF-breast.L
        0.09,  # DEF-breast.R
        0.09,  # DEF-chest
        0.035,  # DEF-ear.L
        0.035,  # DEF-ear.L.001
        0.035,  # DEF-ear.R
        0.035,  # DEF-ear.R.001
        0.035,  # DEF-eye.L
        0.035,  # DEF-eye.R
        0.035,  # DEF-f_hoof.L
        0.035,  # DEF-f_hoof.R
        0.035,  # DEF-f_toe.L
        0.035,  # DEF-f_toe.R
        0.035,  # DEF-forearm.L
        0.035,  # DEF-forearm.L.001
        0.035,  # DEF-forearm.R
        0.035,  # DEF-forearm.R.001
        0.05,  # DEF-forefoot.L
        0.05,  # DEF-forefoot.L.001
        0.05,  # DEF-forefoot.R
        0.05,  # DEF-forefoot.R.001
        0.05,  # DEF-head
        0.05,  # DEF-hind_foot.L
        0.05,  # DEF-hind_foot.L.001
        0.05,  # DEF-hind_foot.R
        0.05,  # DEF-hind_foot.R.001
        0.035,  # DEF-jaw
        0.035,  # DEF-jaw.001
        0.09,  # DEF-lower_leg.L
        0.09,  # DEF-lower_leg.L.001
        0.09,  # DEF-lower_leg.R
        0.09,  # DEF-lower_leg.R.001
        0.09,  # DEF-neck.001
        0.09,  # DEF-neck.002
        0.09,  # DEF-neck.003
        0.09,  # DEF-neck.004
        0.035,  # DEF-nose.L
        0.035,  # DEF-nose.R
        0.09,  # DEF-pelvis.L
        0.09,  # DEF-pelvis.R
        0.035,  # DEF-r_hoof.L
        0.035,  # DEF-r_hoof.R
        0.035,  # DEF-r_toe.L
        0.035,  # DEF-r_toe.R
        0.09,  # DEF-shoulder.L
        0.09,  # DEF-shoulder.R
        0.05,  # DEF-skull
        0.05,  # DEF-skull.L
        0.05,  # DEF-skull.R
        0.09,  # DEF-spine.001
        0.09,  # DEF-spine.002
        0.09,  # DEF-spine.003
        0.09,  # DEF-spine.004
        0.09,  # DEF-spine.005
        0.09,  # DEF-spine.006
        0.09,  # DEF-tail.001
        0.09,  # DEF-tail.002
        0.09,  # DEF-tail.003
        0.09,  # DEF-tail.004
        0.09,  # DEF-tail.005
        0.09,  # DEF-thigh.L
        0.09,  # DEF-thigh.L.001
        0.09,  # DEF-thigh.R
        0.09,  # DEF-thigh.R.001
        0.09,  # DEF-upper_arm.L
        0.09,  # DEF-upper_arm.L.001
        0.09,  # DEF-upper_arm.R
        0.09,  # DEF-upper_arm.R.001
    ],
)
