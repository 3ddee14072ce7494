"""What the help of each command shows by way of example."""

EXAMPLES = """example, from nothing to pictures:
  gluon-ssd prepare scenes --images 40 --output train.rec
  gluon-ssd inspect train.rec
  gluon-ssd train --train train.rec --validation train.rec --output job \\
      --hyperparameter num_classes=5 base_network=resnet-50 image_shape=64 epochs=2
  gluon-ssd draw job/model train.rec --output pictures --threshold 0.1
  gluon-ssd evaluate job/model train.rec

Each command has a --help of its own.
"""
TRAIN_EXAMPLES = """examples:
  gluon-ssd train --train train.rec --validation val.rec --hyperparameter num_classes=3 --output job
  gluon-ssd train --train output.manifest --validation val.manifest --hyperparameter num_classes=3 --output job
  gluon-ssd train --train shards/ --validation val.rec --output job \\
      --hyperparameter num_classes=20 base_network=resnet-50 epochs=40 mini_batch_size=16 learning_rate=0.002
  gluon-ssd train --train photos --train-annotation labels --validation val.rec --output job \\
      --hyperparameter num_classes=3
  gluon-ssd train --train train2017 --validation val2017 --annotations annotations --output job \\
      --hyperparameter num_classes=80
  gluon-ssd train --train more.rec --validation val.rec --model job/output/model.tar.gz --output job2 \\
      --hyperparameter num_classes=3 learning_rate=0.0001
  gluon-ssd train --train other.rec --validation val.rec --model model.tar.gz --output job3 \\
      --hyperparameter num_classes=7 reset_classes=1 freeze_layer_pattern='^(conv1_|conv2_)'
  gluon-ssd train --train train.rec --validation val.rec --pretrained resnet50_v2-ecdde353.params --output job \\
      --hyperparameter num_classes=3 base_network=resnet-50
  gluon-ssd train --hosts 2 --train train.rec --validation val.rec --output job --hyperparameter num_classes=3
  gluon-ssd train --hosts 2 --train train.rec --validation val.rec --output job \\
      --hyperparameter num_classes=3 kv_store=horovod

Images take annotations: x/y.json in the built-in's JSON, or x/y.xml in PASCAL VOC's XML, for x/y.jpg, or COCO's
instances_*.json. A folder photos_annotation beside photos is found without being named. All images of a folder
that are annotated are trained on: where it holds those of several splits, as a VOC folder's JPEGImages does, make
the splits with `gluon-ssd prepare voc --split`.

The --output folder becomes what SageMaker calls /opt/ml: the model is in its model/ and, packed, in
output/model.tar.gz. A job that failed before it had a model may be laid out again in the same folder.

--model starts from the model of an earlier job, ours or the built-in algorithm's: base_network and num_classes must be
those of that job, and nothing else is taken over from it. reset_classes=1 starts its class heads anew, for other
classes; freeze_layer_pattern keeps the parameters whose names begin with a match as they are.

--pretrained starts from ImageNet weights, as `gluon-ssd fetch-weights` fetches them; use_pretrained_model is 1 then,
unless it is given. Without the option, use_pretrained_model=1 looks for them where this machine has them.

Hyperparameters that matter most: num_classes (required), base_network (vgg-16, resnet-50, or a smaller one such as
mobilenet-1.0), epochs, mini_batch_size, learning_rate, image_shape (side in pixels), optimizer, lr_scheduler_step.
num_training_samples is counted unless it is given. All of them, with their values and defaults: README.md, sections
Hyperparameters and Base networks.
Images that a manifest names by s3:// addresses are fetched before training begins, with the credentials and the
settings that boto3 finds, such as AWS_PROFILE and AWS_ENDPOINT_URL.
"""
_PREPARE = {
    "voc": """  gluon-ssd prepare voc VOCdevkit/VOC2007 --split train --output train.rec
  gluon-ssd prepare voc blood/ --split val --classes RBC,WBC,Platelets --output val.rec
  gluon-ssd prepare voc VOCdevkit/VOC2007 --split train --format manifest --output train.manifest
""",
    "coco": """  gluon-ssd prepare coco annotations/instances_val2017.json --images val2017 --output val.rec
""",
    "yolo": """  gluon-ssd prepare yolo coco128/ --split train --classes names.txt --output train.rec
""",
    "csv": """  gluon-ssd prepare csv boxes.csv --images photographs --classes cat,dog --output train.rec
  gluon-ssd prepare csv boxes.csv --format json --max-side 1024 --output channels/train
""",
    "scenes": """  gluon-ssd prepare scenes --images 400 --seed 1 --output train.rec
""",
}
_PREPARE_FORMATS = """
--format says what --output names:
  recordio  a file, train.rec; train.idx, train.lst and train.classes appear beside it
  json      a new folder, channels/train, for the images and train.classes; JSON goes to channels/train_annotation
  manifest  a file, train.manifest; its images go to the new folder train_images beside it, names to train.classes
What is there already is not replaced.
"""


def of_prepare(source: str = "") -> str:
    """Return the examples of one source of `prepare`, or of all."""
    shown = _PREPARE[source] if source else "".join(_PREPARE.values())
    return f"examples:\n{shown}{'' if source == 'scenes' else _PREPARE_FORMATS}"


DRAW_EXAMPLES = """example:
  gluon-ssd draw job/model val.rec --output pictures --count 6 --threshold 0.4
"""
PREDICT_EXAMPLES = """examples:
  gluon-ssd predict job/model photo.jpg photos/ --threshold 0.5
  gluon-ssd predict model.tar.gz photos/ --draw pictures
  gluon-ssd predict detector.onnx photos/ --json > found.jsonl

Boxes are xmin, ymin, xmax, ymax: in pixels of the image, and with --json in fractions of it, as the built-in algorithm
replies: {"image": "photo.jpg", "prediction": [[class id, score, xmin, ymin, xmax, ymax], ...]}. An image that cannot be
read is told of and left out, and the exit code is then 2.
"""
EVALUATE_EXAMPLES = """examples:
  gluon-ssd evaluate job/model val.rec
  gluon-ssd evaluate model.tar.gz val2017 --annotations annotations/instances_val2017.json --json scores.json
  gluon-ssd evaluate detector.onnx photos --annotations labels --overlap-threshold 0.75

Scores are those of a job's validation; with --batch-size set to its mini_batch_size they are equal to the last digit.
"""
EXPORT_EXAMPLES = """examples:
  gluon-ssd export job/model --onnx detector.onnx
  gluon-ssd export model.tar.gz --deploy deploy

The ONNX file takes `images`, uint8 (any number, S, S, 3), RGB, and gives `detections`, float32 (number, K, 6): class,
score and corners in fractions, best first, class -1 where there is none. The folder holds the two files that
mx.model.load_checkpoint("deploy_model_algo_1", 0) reads, and model.json. What is there already is not replaced.
"""
FETCH_WEIGHTS_EXAMPLES = """examples:
  gluon-ssd fetch-weights                                     (for vgg-16 and resnet-50)
  gluon-ssd fetch-weights resnet-18 mobilenet-1.0 --output weights
  GLUON_SSD_PRETRAINED=$PWD/weights gluon-ssd train --train train.rec --validation val.rec --output job \\
      --hyperparameter num_classes=3 base_network=resnet-18 use_pretrained_model=1
In the Dockerfile of an image:
  RUN gluon-ssd fetch-weights vgg-16 resnet-50

NETWORK is any base_network of a job. The files are GluonCV's, of the SHA-1 that it publishes, and are not fetched where
they are already. MXNET_GLUON_REPO names another store, HTTPS_PROXY a proxy. Where no store is reached, put the files
there by hand: README.md, section Pretrained weights, has their names.
"""
INSPECT_EXAMPLES = """examples:
  gluon-ssd inspect train.rec
  gluon-ssd inspect shards/ --num-classes 20 --draw pictures --count 16
  gluon-ssd inspect input/data/train --draw pictures            (with annotations in input/data/train_annotation)
  gluon-ssd inspect photographs --annotations labels --decode all --json report.json
  gluon-ssd inspect val2017 --annotations annotations/instances_val2017.json
  gluon-ssd inspect output.manifest --num-classes 3

PATH is a .rec or .manifest file, a folder of either, or a folder of images. Labels are read as a job reads them; the
exit code is 2 where a job would refuse them, and 0 however suspicious they look. Pictures show suspicious labels first.
Images that a manifest names by s3:// addresses are not fetched.
"""
ALGORITHM_EXAMPLES = """examples:
  gluon-ssd algorithm --image-uri 123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu --output algorithm.json
  aws sagemaker create-algorithm --cli-input-json file://algorithm.json

  gluon-ssd algorithm --image-uri 123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:cpu --name gluon-ssd-cpu \\
      --instance-types ml.c7i.4xlarge ml.c7i.8xlarge

SageMaker then checks hyperparameters and channels of jobs that name the algorithm before they start, and knows their
metrics; a tuning job takes validation:mAP as its objective. Name instance types without GPUs for the image for CPUs:
its jobs end with a platform error on others. The algorithm trains; it cannot make endpoints, since the image does not
serve.
"""
