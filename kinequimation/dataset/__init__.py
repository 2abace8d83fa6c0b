"""Datasets: labels of rendered frames, what is built of them, what is wrong with them, and scores against them.

What a frame is, in the order in which it comes about::

    blender_process    Blender as a process of its own, which renders
    visibility         what can be seen of each keypoint: one rule for every renderer
    frame_label        what is known about one frame seen by one camera, and where its files lie
    labels             label files, one JSON file for each of them
    action_names       names of actions as people write them

What is built of frames::

    rendered_frames    the frames of one or more folders, each with its clip and its part
    splits             parts to train on, to choose by and to test on, which share no clip
    build              COCO files, a table and shards in one pass
    rendered_coco      COCO keypoint files
    table              dataset.csv, one row a bone and image
    rendered_shards    tars to train from in a stream
    lifter_sequences   2D and 3D in the order of time, to train a lifter
    mmpose_metainfo    MMPose's dataset file

What is wrong with them::

    check              all of it: every file, frame, clip and export
    check_plan         frames that a render planned and did not make
    check_frame        one frame: its label, images and mask
    check_geometry     one label by itself: matrices, projections, left and right
    check_clips        frames beside each other: one horse, no gaps, nothing twice
    check_exports      the built files: check_coco and check_table
    check_coco         COCO files against the labels
    check_table        dataset.csv against the labels
    json_entries       a large JSON file, entry by entry

Beside rendered frames::

    coco               COCO keypoint files of anybody
    score              predictions scored against labelled horses
    shards             tars of drawn frames
    tar_shards         the files that both kinds of shards lie in
"""
